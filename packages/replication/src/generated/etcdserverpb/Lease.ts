// Original file: packages/replication/proto/etcd/rpc.proto

import type { MethodDefinition } from '@grpc/proto-loader'
import type { LeaseGrantRequest__Input as _etcdserverpb_LeaseGrantRequest__Input, LeaseGrantRequest as _etcdserverpb_LeaseGrantRequest } from '../etcdserverpb/LeaseGrantRequest.ts';
import type { LeaseGrantResponse__Input as _etcdserverpb_LeaseGrantResponse__Input, LeaseGrantResponse as _etcdserverpb_LeaseGrantResponse } from '../etcdserverpb/LeaseGrantResponse.ts';
import type { LeaseKeepAliveRequest__Input as _etcdserverpb_LeaseKeepAliveRequest__Input, LeaseKeepAliveRequest as _etcdserverpb_LeaseKeepAliveRequest } from '../etcdserverpb/LeaseKeepAliveRequest.ts';
import type { LeaseKeepAliveResponse__Input as _etcdserverpb_LeaseKeepAliveResponse__Input, LeaseKeepAliveResponse as _etcdserverpb_LeaseKeepAliveResponse } from '../etcdserverpb/LeaseKeepAliveResponse.ts';
import type { LeaseRevokeRequest__Input as _etcdserverpb_LeaseRevokeRequest__Input, LeaseRevokeRequest as _etcdserverpb_LeaseRevokeRequest } from '../etcdserverpb/LeaseRevokeRequest.ts';
import type { LeaseRevokeResponse__Input as _etcdserverpb_LeaseRevokeResponse__Input, LeaseRevokeResponse as _etcdserverpb_LeaseRevokeResponse } from '../etcdserverpb/LeaseRevokeResponse.ts';

export interface LeaseDefinition {
  LeaseGrant: MethodDefinition<_etcdserverpb_LeaseGrantRequest__Input, _etcdserverpb_LeaseGrantResponse__Input, _etcdserverpb_LeaseGrantRequest, _etcdserverpb_LeaseGrantResponse>
  LeaseKeepAlive: MethodDefinition<_etcdserverpb_LeaseKeepAliveRequest__Input, _etcdserverpb_LeaseKeepAliveResponse__Input, _etcdserverpb_LeaseKeepAliveRequest, _etcdserverpb_LeaseKeepAliveResponse>
  LeaseRevoke: MethodDefinition<_etcdserverpb_LeaseRevokeRequest__Input, _etcdserverpb_LeaseRevokeResponse__Input, _etcdserverpb_LeaseRevokeRequest, _etcdserverpb_LeaseRevokeResponse>
}
