// Original file: packages/protocol/proto/cometmq/v1/routes.proto

import type { MethodDefinition } from '@grpc/proto-loader'
import type { ClusterDescription__Input as _cometmq_v1_ClusterDescription__Input, ClusterDescription as _cometmq_v1_ClusterDescription } from '../../cometmq/v1/ClusterDescription.ts';
import type { DescribeClusterRequest__Input as _cometmq_v1_DescribeClusterRequest__Input, DescribeClusterRequest as _cometmq_v1_DescribeClusterRequest } from '../../cometmq/v1/DescribeClusterRequest.ts';
import type { ForgetBrokerRequest__Input as _cometmq_v1_ForgetBrokerRequest__Input, ForgetBrokerRequest as _cometmq_v1_ForgetBrokerRequest } from '../../cometmq/v1/ForgetBrokerRequest.ts';
import type { ForgetBrokerResponse__Input as _cometmq_v1_ForgetBrokerResponse__Input, ForgetBrokerResponse as _cometmq_v1_ForgetBrokerResponse } from '../../cometmq/v1/ForgetBrokerResponse.ts';
import type { RouteUpdate__Input as _cometmq_v1_RouteUpdate__Input, RouteUpdate as _cometmq_v1_RouteUpdate } from '../../cometmq/v1/RouteUpdate.ts';
import type { WatchRequest__Input as _cometmq_v1_WatchRequest__Input, WatchRequest as _cometmq_v1_WatchRequest } from '../../cometmq/v1/WatchRequest.ts';

export interface RoutesDefinition {
  DescribeCluster: MethodDefinition<_cometmq_v1_DescribeClusterRequest__Input, _cometmq_v1_ClusterDescription__Input, _cometmq_v1_DescribeClusterRequest, _cometmq_v1_ClusterDescription>
  ForgetBroker: MethodDefinition<_cometmq_v1_ForgetBrokerRequest__Input, _cometmq_v1_ForgetBrokerResponse__Input, _cometmq_v1_ForgetBrokerRequest, _cometmq_v1_ForgetBrokerResponse>
  Watch: MethodDefinition<_cometmq_v1_WatchRequest__Input, _cometmq_v1_RouteUpdate__Input, _cometmq_v1_WatchRequest, _cometmq_v1_RouteUpdate>
}
