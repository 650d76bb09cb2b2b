// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto

import type { Resource__Input as _apache_rocketmq_v2_Resource__Input, Resource as _apache_rocketmq_v2_Resource } from '../../../apache/rocketmq/v2/Resource.ts';
import type { Permission__Input as _apache_rocketmq_v2_Permission__Input, Permission as _apache_rocketmq_v2_Permission } from '../../../apache/rocketmq/v2/Permission.ts';
import type { Broker__Input as _apache_rocketmq_v2_Broker__Input, Broker as _apache_rocketmq_v2_Broker } from '../../../apache/rocketmq/v2/Broker.ts';
import type { MessageType__Input as _apache_rocketmq_v2_MessageType__Input, MessageType as _apache_rocketmq_v2_MessageType } from '../../../apache/rocketmq/v2/MessageType.ts';

export interface MessageQueue__Input {
  'topic'?: (_apache_rocketmq_v2_Resource__Input | null);
  'id'?: (number);
  'permission'?: (_apache_rocketmq_v2_Permission__Input);
  'broker'?: (_apache_rocketmq_v2_Broker__Input | null);
  'acceptMessageTypes'?: (_apache_rocketmq_v2_MessageType__Input)[];
}

export interface MessageQueue {
  'topic': (_apache_rocketmq_v2_Resource | null);
  'id': (number);
  'permission': (_apache_rocketmq_v2_Permission);
  'broker': (_apache_rocketmq_v2_Broker | null);
  'acceptMessageTypes': (_apache_rocketmq_v2_MessageType)[];
}
