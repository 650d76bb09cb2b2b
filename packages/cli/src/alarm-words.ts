import type { AlarmName } from '@cometmq/replication'

/** What each alarm of a broker group means to whoever reads it. */
export const alarmWords: Readonly<Record<AlarmName, string>> = {
  member_untrusted: 'it may have lost what it had acknowledged, and waits to be let in anew',
  quarantined: "its log contradicts its master's; it keeps every byte and does nothing",
  elector_down:
    'etcd does not answer, or a promotion broke off: nobody can be elected, and the in-sync set cannot change',
  elector_went_back: 'etcd has lost what it had promised to keep, and is not obeyed any more',
  in_sync_at_floor:
    'a member that cannot keep up, or is gone, cannot be spared: writes wait for it',
  possible_loss: 'the present epoch began with an election that may have lost messages',
  disk_full: 'nothing can be appended',
  flush_stalled: 'nothing can be flushed',
  log_damaged: 'records of its log are damaged, and no other member has given them so far',
}

export function wordsOfAlarm(name: string): string {
  return Object.hasOwn(alarmWords, name) ? alarmWords[name as AlarmName] : name
}
