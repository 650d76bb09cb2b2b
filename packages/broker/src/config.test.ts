import { storeConfig } from '@cometmq/store'
import { describe, expect, test } from 'vitest'
import {
  advertisedAddress,
  type BrokerConfig,
  brokerDefaults,
  checkBrokerConfig,
} from './config.ts'
import { replicationDefaults } from './replication-config.ts'

const config: BrokerConfig = {
  ...brokerDefaults,
  cluster: 'blue',
  brokerName: 'a',
  advertise: 'broker-a',
  store: storeConfig('/data'),
}

describe('a configuration', () => {
  // A default that is itself refused would keep every broker from starting.
  test('of defaults, a name and a folder is accepted', () => {
    expect(() => checkBrokerConfig(config)).not.toThrow()
  })

  // An operator should not have to start a broker five times to hear of five mistakes.
  test('is refused with all its mistakes at once', () => {
    const act = (): void =>
      checkBrokerConfig({
        ...config,
        cluster: ' ',
        brokerName: 'a b',
        replication: {
          ...replicationDefaults,
          host: 'a',
          bootId: 'b',
          memberId: 0,
          settings: { ...replicationDefaults.settings, minInSync: 4, confirmOn: 'received' },
        },
        listen: 'nowhere',
        nameservers: ['one:9876', 'two', 'one:9876'],
        topicDefaults: { queueCount: 0 },
        drainTimeoutMs: -1,
        publish: { maxPendingBytesPerStream: 1, maxPendingBytes: 2, syncTimeoutMs: 0 },
        store: storeConfig('', { hardFreeBytes: 2, minFreeBytes: 1 }),
      })

    for (const mistake of [
      'cluster is empty',
      'brokerName: the broker name "a b"',
      'replication: minInSync is not in 1..memberCount',
      'replication.memberId is 0',
      'replication.settings.confirmOn is not "flushed"',
      'replication.listen is "0.0.0.0:10911"',
      'listen is "nowhere"',
      'nameservers has "two"',
      'names one of them twice',
      'topicDefaults.queueCount is 0',
      'drainTimeoutMs is -1',
      'publish.maxPendingBytesPerStream is 1',
      'publish.maxPendingBytes is 2',
      'publish.syncTimeoutMs is 0',
      'store.directory is empty',
      'store.hardFreeBytes',
    ]) {
      expect(act).toThrow(mistake)
    }
  })

  // Clients would be told to connect to 0.0.0.0, which is themselves.
  test.each(['0.0.0.0:8081', '[::]:8081', ':::8081', '*:8081'])(
    'that listens at %s has to say under which name it is reached',
    (listen) => {
      const { advertise: _, ...rest } = config

      expect(() => checkBrokerConfig({ ...rest, listen, advertise: undefined })).toThrow(
        'say in advertise',
      )
    },
  )
})

describe('the address that clients are told', () => {
  // With port 0 nobody knows the port before the broker listens.
  test('has the port that was taken, unless another is configured', () => {
    const listening = '0.0.0.0:40123'

    expect(advertisedAddress({ ...config, advertise: 'broker-a' }, listening)).toBe(
      'broker-a:40123',
    )
    expect(advertisedAddress({ ...config, advertise: 'broker-a:80' }, listening)).toBe(
      'broker-a:80',
    )
    expect(advertisedAddress({ ...config, advertise: undefined }, '127.0.0.1:5')).toBe(
      '127.0.0.1:5',
    )
  })
})
