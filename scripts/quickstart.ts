/**
 * The main job on real input: every line of every text file of this repository becomes a message,
 * goes through two brokers and a consumer group of three members, and comes back as files that are
 * byte-identical, while a member and a broker are killed on the way.
 */
import { fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { bytes, type CometClient, connect } from '@cometmq/client'
import { backlogOf } from '../test/cluster/backlog.ts'
import { LocalCluster } from '../test/cluster/local-cluster.ts'
import { differingFiles, rebuildFiles, type Rebuilt } from './quickstart/rebuild.ts'
import { linesOf, readTrackedTextFiles, type SourceFile } from './quickstart/source-files.ts'
import { readSpool } from './quickstart/spool.ts'

const TOPIC = 'quickstart-lines'
const GROUP = 'quickstart'
const KILLED_BROKER = 'broker-a'
const WINDOW = 4_000
const DOWN_TIME_MS = 1_000
const repository = fileURLToPath(new URL('..', import.meta.url))

const startedAt = performance.now()
const { files, skippedBinary, skippedEmpty } = await readTrackedTextFiles(repository)
const total = files.reduce((lines, file) => lines + linesOf(file.bytes).length, 0)
say(
  `${files.length} text files, ${total} lines (left out: ${skippedBinary} binary, ${skippedEmpty} empty)`,
)

await using cluster = await LocalCluster.start({
  nameServers: 2,
  brokers: [KILLED_BROKER, 'broker-b'],
})
say(`2 name servers (${cluster.endpoints.join(', ')}) and 2 brokers are up`)
await using comet = await connect({ endpoints: cluster.endpoints })
await comet.admin.topics.create(TOPIC, { queueCount: 4 })
await comet.admin.groups.create(GROUP, { start: 'earliest' })

const members = await Promise.all([0, 1, 2].map((index) => startMember(index)))
say(`topic ${TOPIC} with 8 queues, group ${GROUP} with ${members.length} members`)

const away = { fromMs: 0, toMs: 0 }
let acknowledged = 0
const sendingAt = performance.now()
const faults = causeFaults()
const progress = setInterval(reportProgress, 500)
try {
  await sendAll(files)
  await faults
  await untilConsumed(comet)
} finally {
  clearInterval(progress)
}
const seconds = (performance.now() - sendingAt) / 1e3

for (const member of members) await member.stop()
const rebuilt = rebuildFiles(members.flatMap(({ spoolPath }) => readSpool(spoolPath)))
await writeRebuilt(rebuilt, path.join(cluster.directory, 'rebuilt'))
const differing = differingFiles(files, rebuilt.files)

say('')
say(
  `messages      ${rebuilt.messages} of ${total} in ${seconds.toFixed(1)} s (${Math.round(total / seconds)}/s, faults included)`,
)
say(`redeliveries  ${rebuilt.redeliveries}`)
say(`lost          ${total - rebuilt.messages}`)
say(
  `files         ${files.length - differing.length} of ${files.length} byte-identical, sha256 of all: ${digestOf(rebuilt.files)}`,
)
say(
  `killed        one member; ${KILLED_BROKER} by SIGKILL, its queues were away for ${Math.round(away.toMs - away.fromMs)} ms`,
)
say(`took          ${((performance.now() - startedAt) / 1e3).toFixed(1)} s in all`)
if (differing.length > 0 || rebuilt.messages !== total) {
  say(`FAILED: ${differing.slice(0, 10).join(', ')}`)
  process.exitCode = 1
}

/** Sends every line, keyed by its file, `WINDOW` at a time; resolves when all are acknowledged. */
async function sendAll(sources: readonly SourceFile[]): Promise<void> {
  const topic = comet.topic(TOPIC, { codec: bytes() })
  const inFlight = new Set<Promise<void>>()
  for (const source of sources) {
    // A key is a short name: it decides the queue, the property carries the path.
    const key = createHash('sha256').update(source.path).digest('hex').slice(0, 32)
    for (const [index, line] of linesOf(source.bytes).entries()) {
      const sent = topic
        .send(line, { key, properties: { file: source.path, line: String(index + 1) } })
        .then((receipt) => {
          acknowledged++
          if (receipt.brokerName === KILLED_BROKER && away.fromMs > 0 && away.toMs === 0) {
            if (!cluster.broker(KILLED_BROKER).isRunning) return
            away.toMs = performance.now()
          }
        })
        .finally(() => inFlight.delete(sent))
      inFlight.add(sent)
      if (inFlight.size >= WINDOW) await Promise.race(inFlight)
    }
    // A little air, so that there is something left to break.
    if (inFlight.size > WINDOW / 2) await sleep(1)
  }
  await Promise.all(inFlight)
}

async function causeFaults(): Promise<void> {
  await untilAcknowledged(0.2)
  members[1]?.kill()
  say('one member was killed')
  await untilAcknowledged(0.4)
  const broker = cluster.broker(KILLED_BROKER)
  await broker.stop('SIGKILL')
  away.fromMs = performance.now()
  say(`${KILLED_BROKER} got SIGKILL`)
  await sleep(DOWN_TIME_MS)
  await cluster.startBroker(KILLED_BROKER)
  say(`${KILLED_BROKER} is back`)
}

async function untilAcknowledged(part: number): Promise<void> {
  while (acknowledged < total * part) await sleep(5)
}

/** Until every message of the group is done, on both brokers. */
async function untilConsumed(client: CometClient): Promise<void> {
  for (;;) {
    if ((await backlogOf(client, GROUP)) === 0) return
    await sleep(50)
  }
}

function reportProgress(): void {
  say(
    `  ${String(Math.round((acknowledged / total) * 100)).padStart(3)} %  ${acknowledged} acknowledged`,
  )
}

interface Member {
  readonly spoolPath: string
  kill(): void
  stop(): Promise<void>
}

async function startMember(index: number): Promise<Member> {
  const spoolPath = path.join(cluster.directory, `member-${index}.spool`)
  const script = fileURLToPath(new URL('quickstart/member.ts', import.meta.url))
  const child = fork(script, [cluster.endpoints.join(','), spoolPath], { stdio: 'inherit' })
  await once(child, 'message')
  return {
    spoolPath,
    kill: () => void child.kill('SIGKILL'),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.send('drain')
      await exited
    },
  }
}

async function writeRebuilt(result: Rebuilt, directory: string): Promise<void> {
  for (const [file, content] of result.files) {
    const target = path.join(directory, file)
    await mkdir(path.dirname(target), { recursive: true })
    await writeFile(target, content)
  }
}

function digestOf(contents: ReadonlyMap<string, Buffer>): string {
  const hash = createHash('sha256')
  for (const [file, content] of [...contents].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(file).update('\0').update(content)
  }
  return hash.digest('hex').slice(0, 16)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
