import type { Server } from '@grpc/grpc-js'
import type { ReflectionService as Reflection } from '@grpc/reflection'
import { HealthImplementation } from 'grpc-health-check'

/** Answers gRPC health checks, of the whole server (the empty name) and of each service. */
export class GrpcHealth {
  readonly #health = new HealthImplementation()
  readonly #services: readonly string[]

  /** At first nothing serves. `paths`: `/package.Service/Method` of every handler. */
  constructor(server: Server, paths: readonly string[]) {
    const services = paths.map((path) => path.slice(1, path.lastIndexOf('/')))
    this.#services = ['', ...new Set(services)]
    this.setServing(false)
    this.#health.addToServer(server)
  }

  setServing(isServing: boolean): void {
    for (const service of this.#services) {
      this.#health.setStatus(service, isServing ? 'SERVING' : 'NOT_SERVING')
    }
  }
}

/** Answers gRPC reflection, the current version and the one that most tools still ask. */
export async function addReflection(server: Server, definition: object): Promise<void> {
  // Off by default, and nobody else has to load it.
  const { ReflectionService } = await import('@grpc/reflection')
  new ReflectionService(definition as ConstructorParameters<typeof Reflection>[0]).addToServer(
    server,
  )
}
