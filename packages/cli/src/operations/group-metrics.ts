import type { BrokerStatus } from '@cometmq/broker'
import type { Reading, Sample } from './reading.ts'

type Member = NonNullable<BrokerStatus['member']>

/** What a member of a broker group of several has to tell of the group. */
export function groupReadings(status: () => BrokerStatus | undefined): Reading[] {
  const measured = (name: string, help: string, read: (member: Member) => number): Reading => ({
    name: `cometmq_${name}`,
    help,
    kind: 'gauge',
    read: () => {
      const member = status()?.member
      return member === undefined ? 0 : read(member)
    },
  })
  const sampled = (
    name: string,
    about: { readonly help: string; readonly kind: Reading['kind']; readonly label: string },
    read: (member: Member) => Iterable<readonly [string | number, number]>,
  ): Reading => ({
    name: `cometmq_${name}`,
    help: about.help,
    kind: about.kind,
    label: about.label,
    samples: () => samplesOf(status()?.member, read),
  })
  return [
    sampled('role', gauge('1 for the role of this member.', 'role'), ({ role }) => [[role, 1]]),
    {
      name: 'cometmq_stands_in',
      help: '1 while this slave stands in for its master.',
      kind: 'gauge',
      read: () => (status()?.standsIn === true ? 1 : 0),
    },
    measured('group_epoch', 'The highest epoch that this member knows of.', ({ epoch }) => epoch),
    measured('in_sync_members', 'Size of the in-sync set.', ({ group }) => group?.inSync.size ?? 0),
    measured(
      'min_in_sync_members',
      'With fewer in sync nothing is confirmed.',
      ({ group }) => group?.minInSync ?? 0,
    ),
    measured(
      'unconfirmed_bytes',
      'Bytes of the log of this member that are not confirmed.',
      ({ unconfirmedBytes }) => unconfirmedBytes,
    ),
    measured(
      'confirm_lag_seconds',
      'For so long something in the log has waited to be confirmed.',
      ({ confirmLagMs }) => confirmLagMs / 1_000,
    ),
    sampled(
      'replica_in_sync',
      gauge('Told by the master: 1 for a member of the in-sync set.', 'member'),
      ({ replicas }) => replicas.map(({ memberId, isInSync }) => [memberId, isInSync ? 1 : 0]),
    ),
    sampled(
      'replica_lag_bytes',
      gauge('Told by the master: bytes that are not safe on the disk of a member.', 'member'),
      ({ replicas }) =>
        replicas.flatMap(({ memberId, lagBytes }) =>
          lagBytes === undefined ? [] : [[memberId, lagBytes] as const],
        ),
    ),
    sampled(
      'replica_silence_seconds',
      gauge('Told by the master: how long a member has said nothing.', 'member'),
      ({ replicas }) =>
        replicas.flatMap(({ memberId, heardAgoMs }) =>
          heardAgoMs === undefined ? [] : [[memberId, heardAgoMs / 1_000] as const],
        ),
    ),
    sampled(
      'elections_total',
      counter('Epochs that this member has won, by reason.', 'reason'),
      ({ counters }) => counters.elections,
    ),
    sampled(
      'election_seconds',
      gauge(
        'Of the epoch that this member won last: from the sign that it was time until messages were confirmed again.',
        'reason',
      ),
      ({ changes }) =>
        changes
          .filter(({ times }) => times !== undefined)
          .slice(-1)
          .map(({ reason, times }) => [reason, (times?.tookMs ?? 0) / 1_000]),
    ),
    sampled(
      'in_sync_changes_total',
      counter('Members that this one, as master, let into the in-sync set or removed.', 'reason'),
      ({ counters }) => counters.setChanges,
    ),
    sampled(
      'elector_transactions_total',
      counter('Answers of the elector to transactions of this member.', 'outcome'),
      ({ counters }) => Object.entries(counters.swaps),
    ),
    {
      name: 'cometmq_truncated_bytes_total',
      help: 'Bytes cut from the end of the log because another master went on without them.',
      kind: 'counter',
      read: () => status()?.member?.counters.truncatedBytes ?? 0,
    },
    measured(
      'lease_left_seconds',
      'How long the lease at the elector is valid yet; below 0 it is over.',
      ({ leaseLeftMs }) => leaseLeftMs / 1_000,
    ),
    measured(
      'lease_margin_seconds',
      'What was left of the lease when it was last prolonged.',
      ({ renewalMarginMs = 0 }) => renewalMarginMs / 1_000,
    ),
    sampled('alarm', gauge('1 for what is wrong right now.', 'alarm'), ({ alarms }) =>
      alarms.map((name) => [name, 1]),
    ),
    sampled(
      'alarms_total',
      counter('How often something went wrong.', 'alarm'),
      ({ counters }) => counters.alarms,
    ),
  ]
}

function samplesOf(
  member: Member | undefined,
  read: (member: Member) => Iterable<readonly [string | number, number]>,
): Sample[] {
  if (member === undefined) return []
  return [...read(member)].map(([label, value]) => ({ label: String(label), value }))
}

function gauge(help: string, label: string) {
  return { help, kind: 'gauge', label } as const
}

function counter(help: string, label: string) {
  return { help, kind: 'counter', label } as const
}
