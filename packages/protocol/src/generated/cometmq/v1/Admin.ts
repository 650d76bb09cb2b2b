// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { MethodDefinition } from '@grpc/proto-loader'
import type { BrokerDescription__Input as _cometmq_v1_BrokerDescription__Input, BrokerDescription as _cometmq_v1_BrokerDescription } from '../../cometmq/v1/BrokerDescription.ts';
import type { ChangeOutcome__Input as _cometmq_v1_ChangeOutcome__Input, ChangeOutcome as _cometmq_v1_ChangeOutcome } from '../../cometmq/v1/ChangeOutcome.ts';
import type { CommandGroupRequest__Input as _cometmq_v1_CommandGroupRequest__Input, CommandGroupRequest as _cometmq_v1_CommandGroupRequest } from '../../cometmq/v1/CommandGroupRequest.ts';
import type { CommandGroupResponse__Input as _cometmq_v1_CommandGroupResponse__Input, CommandGroupResponse as _cometmq_v1_CommandGroupResponse } from '../../cometmq/v1/CommandGroupResponse.ts';
import type { CreateGroupRequest__Input as _cometmq_v1_CreateGroupRequest__Input, CreateGroupRequest as _cometmq_v1_CreateGroupRequest } from '../../cometmq/v1/CreateGroupRequest.ts';
import type { CreateTopicRequest__Input as _cometmq_v1_CreateTopicRequest__Input, CreateTopicRequest as _cometmq_v1_CreateTopicRequest } from '../../cometmq/v1/CreateTopicRequest.ts';
import type { DeadLettersMoved__Input as _cometmq_v1_DeadLettersMoved__Input, DeadLettersMoved as _cometmq_v1_DeadLettersMoved } from '../../cometmq/v1/DeadLettersMoved.ts';
import type { DeleteGroupRequest__Input as _cometmq_v1_DeleteGroupRequest__Input, DeleteGroupRequest as _cometmq_v1_DeleteGroupRequest } from '../../cometmq/v1/DeleteGroupRequest.ts';
import type { DeleteTopicRequest__Input as _cometmq_v1_DeleteTopicRequest__Input, DeleteTopicRequest as _cometmq_v1_DeleteTopicRequest } from '../../cometmq/v1/DeleteTopicRequest.ts';
import type { DescribeBrokerRequest__Input as _cometmq_v1_DescribeBrokerRequest__Input, DescribeBrokerRequest as _cometmq_v1_DescribeBrokerRequest } from '../../cometmq/v1/DescribeBrokerRequest.ts';
import type { DescribeGroupRequest__Input as _cometmq_v1_DescribeGroupRequest__Input, DescribeGroupRequest as _cometmq_v1_DescribeGroupRequest } from '../../cometmq/v1/DescribeGroupRequest.ts';
import type { DescribeReplicasRequest__Input as _cometmq_v1_DescribeReplicasRequest__Input, DescribeReplicasRequest as _cometmq_v1_DescribeReplicasRequest } from '../../cometmq/v1/DescribeReplicasRequest.ts';
import type { DescribeTopicRequest__Input as _cometmq_v1_DescribeTopicRequest__Input, DescribeTopicRequest as _cometmq_v1_DescribeTopicRequest } from '../../cometmq/v1/DescribeTopicRequest.ts';
import type { EditGroupRequest__Input as _cometmq_v1_EditGroupRequest__Input, EditGroupRequest as _cometmq_v1_EditGroupRequest } from '../../cometmq/v1/EditGroupRequest.ts';
import type { EditTopicRequest__Input as _cometmq_v1_EditTopicRequest__Input, EditTopicRequest as _cometmq_v1_EditTopicRequest } from '../../cometmq/v1/EditTopicRequest.ts';
import type { GetMessageRequest__Input as _cometmq_v1_GetMessageRequest__Input, GetMessageRequest as _cometmq_v1_GetMessageRequest } from '../../cometmq/v1/GetMessageRequest.ts';
import type { GroupDescription__Input as _cometmq_v1_GroupDescription__Input, GroupDescription as _cometmq_v1_GroupDescription } from '../../cometmq/v1/GroupDescription.ts';
import type { ListDeadLettersRequest__Input as _cometmq_v1_ListDeadLettersRequest__Input, ListDeadLettersRequest as _cometmq_v1_ListDeadLettersRequest } from '../../cometmq/v1/ListDeadLettersRequest.ts';
import type { ListDeadLettersResponse__Input as _cometmq_v1_ListDeadLettersResponse__Input, ListDeadLettersResponse as _cometmq_v1_ListDeadLettersResponse } from '../../cometmq/v1/ListDeadLettersResponse.ts';
import type { ListGroupsRequest__Input as _cometmq_v1_ListGroupsRequest__Input, ListGroupsRequest as _cometmq_v1_ListGroupsRequest } from '../../cometmq/v1/ListGroupsRequest.ts';
import type { ListGroupsResponse__Input as _cometmq_v1_ListGroupsResponse__Input, ListGroupsResponse as _cometmq_v1_ListGroupsResponse } from '../../cometmq/v1/ListGroupsResponse.ts';
import type { ListTopicsRequest__Input as _cometmq_v1_ListTopicsRequest__Input, ListTopicsRequest as _cometmq_v1_ListTopicsRequest } from '../../cometmq/v1/ListTopicsRequest.ts';
import type { ListTopicsResponse__Input as _cometmq_v1_ListTopicsResponse__Input, ListTopicsResponse as _cometmq_v1_ListTopicsResponse } from '../../cometmq/v1/ListTopicsResponse.ts';
import type { PurgeDeadLettersRequest__Input as _cometmq_v1_PurgeDeadLettersRequest__Input, PurgeDeadLettersRequest as _cometmq_v1_PurgeDeadLettersRequest } from '../../cometmq/v1/PurgeDeadLettersRequest.ts';
import type { RedriveDeadLettersRequest__Input as _cometmq_v1_RedriveDeadLettersRequest__Input, RedriveDeadLettersRequest as _cometmq_v1_RedriveDeadLettersRequest } from '../../cometmq/v1/RedriveDeadLettersRequest.ts';
import type { ReplicasDescription__Input as _cometmq_v1_ReplicasDescription__Input, ReplicasDescription as _cometmq_v1_ReplicasDescription } from '../../cometmq/v1/ReplicasDescription.ts';
import type { ResetGroupRequest__Input as _cometmq_v1_ResetGroupRequest__Input, ResetGroupRequest as _cometmq_v1_ResetGroupRequest } from '../../cometmq/v1/ResetGroupRequest.ts';
import type { ResetGroupResponse__Input as _cometmq_v1_ResetGroupResponse__Input, ResetGroupResponse as _cometmq_v1_ResetGroupResponse } from '../../cometmq/v1/ResetGroupResponse.ts';
import type { StoredMessage__Input as _cometmq_v1_StoredMessage__Input, StoredMessage as _cometmq_v1_StoredMessage } from '../../cometmq/v1/StoredMessage.ts';
import type { TopicDescription__Input as _cometmq_v1_TopicDescription__Input, TopicDescription as _cometmq_v1_TopicDescription } from '../../cometmq/v1/TopicDescription.ts';

export interface AdminDefinition {
  CommandGroup: MethodDefinition<_cometmq_v1_CommandGroupRequest__Input, _cometmq_v1_CommandGroupResponse__Input, _cometmq_v1_CommandGroupRequest, _cometmq_v1_CommandGroupResponse>
  CreateGroup: MethodDefinition<_cometmq_v1_CreateGroupRequest__Input, _cometmq_v1_ChangeOutcome__Input, _cometmq_v1_CreateGroupRequest, _cometmq_v1_ChangeOutcome>
  CreateTopic: MethodDefinition<_cometmq_v1_CreateTopicRequest__Input, _cometmq_v1_ChangeOutcome__Input, _cometmq_v1_CreateTopicRequest, _cometmq_v1_ChangeOutcome>
  DeleteGroup: MethodDefinition<_cometmq_v1_DeleteGroupRequest__Input, _cometmq_v1_ChangeOutcome__Input, _cometmq_v1_DeleteGroupRequest, _cometmq_v1_ChangeOutcome>
  DeleteTopic: MethodDefinition<_cometmq_v1_DeleteTopicRequest__Input, _cometmq_v1_ChangeOutcome__Input, _cometmq_v1_DeleteTopicRequest, _cometmq_v1_ChangeOutcome>
  DescribeBroker: MethodDefinition<_cometmq_v1_DescribeBrokerRequest__Input, _cometmq_v1_BrokerDescription__Input, _cometmq_v1_DescribeBrokerRequest, _cometmq_v1_BrokerDescription>
  DescribeGroup: MethodDefinition<_cometmq_v1_DescribeGroupRequest__Input, _cometmq_v1_GroupDescription__Input, _cometmq_v1_DescribeGroupRequest, _cometmq_v1_GroupDescription>
  DescribeReplicas: MethodDefinition<_cometmq_v1_DescribeReplicasRequest__Input, _cometmq_v1_ReplicasDescription__Input, _cometmq_v1_DescribeReplicasRequest, _cometmq_v1_ReplicasDescription>
  DescribeTopic: MethodDefinition<_cometmq_v1_DescribeTopicRequest__Input, _cometmq_v1_TopicDescription__Input, _cometmq_v1_DescribeTopicRequest, _cometmq_v1_TopicDescription>
  EditGroup: MethodDefinition<_cometmq_v1_EditGroupRequest__Input, _cometmq_v1_ChangeOutcome__Input, _cometmq_v1_EditGroupRequest, _cometmq_v1_ChangeOutcome>
  EditTopic: MethodDefinition<_cometmq_v1_EditTopicRequest__Input, _cometmq_v1_ChangeOutcome__Input, _cometmq_v1_EditTopicRequest, _cometmq_v1_ChangeOutcome>
  GetMessage: MethodDefinition<_cometmq_v1_GetMessageRequest__Input, _cometmq_v1_StoredMessage__Input, _cometmq_v1_GetMessageRequest, _cometmq_v1_StoredMessage>
  ListDeadLetters: MethodDefinition<_cometmq_v1_ListDeadLettersRequest__Input, _cometmq_v1_ListDeadLettersResponse__Input, _cometmq_v1_ListDeadLettersRequest, _cometmq_v1_ListDeadLettersResponse>
  ListGroups: MethodDefinition<_cometmq_v1_ListGroupsRequest__Input, _cometmq_v1_ListGroupsResponse__Input, _cometmq_v1_ListGroupsRequest, _cometmq_v1_ListGroupsResponse>
  ListTopics: MethodDefinition<_cometmq_v1_ListTopicsRequest__Input, _cometmq_v1_ListTopicsResponse__Input, _cometmq_v1_ListTopicsRequest, _cometmq_v1_ListTopicsResponse>
  PurgeDeadLetters: MethodDefinition<_cometmq_v1_PurgeDeadLettersRequest__Input, _cometmq_v1_DeadLettersMoved__Input, _cometmq_v1_PurgeDeadLettersRequest, _cometmq_v1_DeadLettersMoved>
  RedriveDeadLetters: MethodDefinition<_cometmq_v1_RedriveDeadLettersRequest__Input, _cometmq_v1_DeadLettersMoved__Input, _cometmq_v1_RedriveDeadLettersRequest, _cometmq_v1_DeadLettersMoved>
  ResetGroup: MethodDefinition<_cometmq_v1_ResetGroupRequest__Input, _cometmq_v1_ResetGroupResponse__Input, _cometmq_v1_ResetGroupRequest, _cometmq_v1_ResetGroupResponse>
}
