import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  // The sources of sibling packages are tested, not their last build. The other names are Vite's
  // own defaults, which this setting replaces.
  ssr: { resolve: { conditions: ['cometmq-source', 'module', 'node', 'development|production'] } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'scripts/**/*.test.ts', 'test/**/*.test.ts'],
    // A run that found no test must fail.
    passWithNoTests: false,
    // Tests that start real processes need a core beside the workers; two workers are the least
    // that lets a short file pass a long one.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Real processes on a loaded machine of two cores start slowly. Virtual time costs nothing.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A mock that outlives its test makes the order of tests matter.
    restoreMocks: true,
  },
})
