// Original file: packages/protocol/proto/cometmq/v1/admin.proto

import type { ReplicaProgress__Input as _cometmq_v1_ReplicaProgress__Input, ReplicaProgress as _cometmq_v1_ReplicaProgress } from '../../cometmq/v1/ReplicaProgress.ts';
import type { MasterChange__Input as _cometmq_v1_MasterChange__Input, MasterChange as _cometmq_v1_MasterChange } from '../../cometmq/v1/MasterChange.ts';
import type { Long } from '@grpc/proto-loader';

export interface BrokerDescription__Input {
  'cluster'?: (string);
  'brokerName'?: (string);
  'brokerId'?: (number);
  'role'?: (string);
  'epoch'?: (number | string | Long);
  'version'?: (string);
  'uptimeMs'?: (number | string | Long);
  'address'?: (string);
  'logMinOffset'?: (number | string | Long);
  'logMaxOffset'?: (number | string | Long);
  'flushedOffset'?: (number | string | Long);
  'confirmOffset'?: (number | string | Long);
  'appliedOffset'?: (number | string | Long);
  'diskFreeBytes'?: (number | string | Long);
  'writable'?: (boolean);
  'notWritableBecause'?: (string);
  'rssBytes'?: (number | string | Long);
  'connections'?: (number);
  'messagesIn'?: (number | string | Long);
  'messagesOut'?: (number | string | Long);
  'bytesIn'?: (number | string | Long);
  'bytesOut'?: (number | string | Long);
  'topics'?: (number);
  'groups'?: (number);
  'queues'?: (number | string | Long);
  'memberId'?: (number);
  'groupMembers'?: (number);
  'minInSync'?: (number);
  'inSync'?: (number)[];
  'replicas'?: (_cometmq_v1_ReplicaProgress__Input)[];
  'lastChange'?: (_cometmq_v1_MasterChange__Input | null);
  'alarms'?: (string)[];
  'confirmLagMs'?: (number | string | Long);
}

export interface BrokerDescription {
  'cluster': (string);
  'brokerName': (string);
  'brokerId': (number);
  'role': (string);
  'epoch': (number);
  'version': (string);
  'uptimeMs': (number);
  'address': (string);
  'logMinOffset': (number);
  'logMaxOffset': (number);
  'flushedOffset': (number);
  'confirmOffset': (number);
  'appliedOffset': (number);
  'diskFreeBytes': (number);
  'writable': (boolean);
  'notWritableBecause': (string);
  'rssBytes': (number);
  'connections': (number);
  'messagesIn': (number);
  'messagesOut': (number);
  'bytesIn': (number);
  'bytesOut': (number);
  'topics': (number);
  'groups': (number);
  'queues': (number);
  'memberId': (number);
  'groupMembers': (number);
  'minInSync': (number);
  'inSync': (number)[];
  'replicas': (_cometmq_v1_ReplicaProgress)[];
  'lastChange': (_cometmq_v1_MasterChange | null);
  'alarms': (string)[];
  'confirmLagMs': (number);
}
