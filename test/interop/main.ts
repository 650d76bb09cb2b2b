/** Official clients against a real cluster; see README.md. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { connect } from '@cometmq/client'
import { selfSigned } from '@cometmq/runtime/node'
import { LocalCluster } from '../cluster/local-cluster.ts'
import { languages } from './languages.ts'
import { scenarios } from './scenarios.ts'

const names = languages.map(({ name }) => name)
const wanted = process.argv.slice(2)
const unknown = wanted.find((name) => !names.includes(name))
if (unknown !== undefined) {
  console.error(`no language "${unknown}"; there are ${names.join(', ')}`)
  process.exit(2)
}
const directory = await mkdtemp(path.join(tmpdir(), 'interop-'))
const certificate = path.join(directory, 'certificate.pem')
const key = path.join(directory, 'key.pem')
const users = path.join(directory, 'users.yaml')
const identity = selfSigned(['localhost', '127.0.0.1'], Date.now())
await writeFile(certificate, identity.certificate)
await writeFile(key, identity.key)
await writeFile(users, 'ak: sk\n')

const brokers = ['broker-a', 'broker-b']
const guard = [
  `--set=gateway.usersFile=${users}`,
  `--set=tls.certificateFile=${certificate}`,
  `--set=tls.keyFile=${key}`,
]
let failures = 0
{
  await using cluster = await LocalCluster.start({ nameServers: 2, brokers })
  await using guarded = await LocalCluster.start({
    nameServers: 2,
    brokers,
    nameServerArgs: guard,
    brokerArgs: guard,
  })
  await using comet = await connect({ endpoints: cluster.endpoints })
  // Brokers hear of each other with their beats.
  await delay(1_500)
  for (const language of languages) {
    if (wanted.length > 0 && !wanted.includes(language.name)) continue
    console.log(language.name)
    const why = language.missing()
    if (why !== undefined) {
      console.log(`  – skipped: ${why}`)
      continue
    }
    for (const scenario of scenarios) {
      const { name } = scenario
      if (scenario.applies?.(language) === false) continue
      try {
        const result = await scenario.run({ language, cluster, comet, guarded, certificate })
        console.log(`  ✔ ${name}: ${result}`)
      } catch (error) {
        failures++
        console.log(`  ✘ ${name}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }
}
await rm(directory, { recursive: true, force: true })
console.log(failures === 0 ? 'all passed' : `${failures} failed`)
process.exit(failures === 0 ? 0 : 1)
