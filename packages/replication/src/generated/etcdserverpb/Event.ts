// Original file: packages/replication/proto/etcd/rpc.proto

import type { KeyValue__Input as _etcdserverpb_KeyValue__Input, KeyValue as _etcdserverpb_KeyValue } from '../etcdserverpb/KeyValue.ts';

// Original file: packages/replication/proto/etcd/rpc.proto

export const _etcdserverpb_Event_EventType = {
  PUT: 'PUT',
  DELETE: 'DELETE',
} as const;

export type _etcdserverpb_Event_EventType__Input =
  | 'PUT'
  | 0
  | 'DELETE'
  | 1

export type _etcdserverpb_Event_EventType = typeof _etcdserverpb_Event_EventType[keyof typeof _etcdserverpb_Event_EventType]

export interface Event__Input {
  'type'?: (_etcdserverpb_Event_EventType__Input);
  'kv'?: (_etcdserverpb_KeyValue__Input | null);
}

export interface Event {
  'type': (_etcdserverpb_Event_EventType);
  'kv': (_etcdserverpb_KeyValue | null);
}
