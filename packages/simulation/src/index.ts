export type { DiskLatency } from './disk/medium.ts'
export { SeededRandom } from './seeded-random.ts'
export { type DiskPorts, SimulatedDisk, type SimulatedDiskOptions } from './simulated-disk.ts'
export { type RunOptions, VirtualClock, type VirtualClockOptions } from './virtual-clock.ts'
