// Original file: packages/replication/proto/etcd/rpc.proto

import type { ResponseHeader__Input as _etcdserverpb_ResponseHeader__Input, ResponseHeader as _etcdserverpb_ResponseHeader } from '../etcdserverpb/ResponseHeader.ts';
import type { Event__Input as _etcdserverpb_Event__Input, Event as _etcdserverpb_Event } from '../etcdserverpb/Event.ts';
import type { Long } from '@grpc/proto-loader';

export interface WatchResponse__Input {
  'header'?: (_etcdserverpb_ResponseHeader__Input | null);
  'watchId'?: (number | string | Long);
  'created'?: (boolean);
  'canceled'?: (boolean);
  'compactRevision'?: (number | string | Long);
  'cancelReason'?: (string);
  'events'?: (_etcdserverpb_Event__Input)[];
}

export interface WatchResponse {
  'header': (_etcdserverpb_ResponseHeader | null);
  'watchId': (string);
  'created': (boolean);
  'canceled': (boolean);
  'compactRevision': (string);
  'cancelReason': (string);
  'events': (_etcdserverpb_Event)[];
}
