import { errorCodeOfId, type ReadResponse } from '@cometmq/protocol'
import { Simulation } from '@cometmq/simulation'
import { MessageStore, storeConfig } from '@cometmq/store'
import { describe, expect, test } from 'vitest'
import { newTopic } from '../topic-definition.ts'
import { putTopic, TopicRegistry } from '../topic-registry.ts'
import { PositionCommits } from './position-commits.ts'
import { positionsInLog, readPosition } from './positions.ts'

const POSITION = { name: 'mine', topic: 'orders', queueId: 0 }

describe('a commit of a position', () => {
  // It would follow the deletion into the log, and readers of a topic made anew would begin there.
  test('is refused when its topic goes in the same turn', async () => {
    const simulation = new Simulation(1)
    const runtime = simulation.machine('a').runtime()
    const run = <T>(work: Promise<T>): Promise<T> => simulation.runUntil(work, { limitMs: 1_000 })
    const store = await run(MessageStore.open(runtime, storeConfig('/data')))
    const topics = await run(TopicRegistry.open(store, runtime.clock))
    const wish = { topic: 'orders', type: '', queueCount: 1, flush: '', replicas: '' }
    const changes = [putTopic(newTopic(wish, { queueCount: 1 }, 0))]
    await run(store.append({ records: [{ kind: 'change', changes }] }))
    const answers: ReadResponse[] = []
    const commits = new PositionCommits(
      { store, topics, positions: positionsInLog(store, () => undefined) },
      (answer) => answers.push(answer),
    )

    commits.add({ kind: 'commit', id: 1, offset: 0, ...POSITION })
    topics.hide('orders')
    await run(commits.settled())

    const codes = answers.map((answer) =>
      answer.kind === 'committed' ? errorCodeOfId(answer.error) : answer.kind,
    )
    expect(codes).toEqual(['TOPIC_NOT_FOUND'])
    expect(readPosition(store, POSITION)).toBeUndefined()
    await run(store.close())
  })
})
