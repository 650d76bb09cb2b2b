// Original file: packages/protocol/proto/cometmq/v1/cluster.proto

import type { MethodDefinition } from '@grpc/proto-loader'
import type { RegisterRequest__Input as _cometmq_v1_RegisterRequest__Input, RegisterRequest as _cometmq_v1_RegisterRequest } from '../../cometmq/v1/RegisterRequest.ts';
import type { RegisterResponse__Input as _cometmq_v1_RegisterResponse__Input, RegisterResponse as _cometmq_v1_RegisterResponse } from '../../cometmq/v1/RegisterResponse.ts';

export interface ClusterDefinition {
  Register: MethodDefinition<_cometmq_v1_RegisterRequest__Input, _cometmq_v1_RegisterResponse__Input, _cometmq_v1_RegisterRequest, _cometmq_v1_RegisterResponse>
}
