import assert from 'node:assert/strict'

/** Runs jobs in the order in which they come, a few at once. */
export class JobLine {
  readonly #width: number
  #running = 0
  #jobs: (() => Promise<void>)[] = []

  constructor(width: number) {
    assert.ok(width > 0, 'a line runs at least one job')
    this.#width = width
  }

  /** `job` must not reject. */
  add(job: () => Promise<void>): void {
    this.#jobs.push(job)
    if (this.#running < this.#width) void this.#run()
  }

  async #run(): Promise<void> {
    this.#running++
    for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) await job()
    this.#running--
  }
}
