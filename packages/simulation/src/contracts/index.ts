export { describeFileSystem, type FileSystemSubject } from './file-system-contract.ts'
export { describeKeyValueStores, type KeyValueStoresSubject } from './key-value-store-contract.ts'
export type { Subject } from './subject.ts'
