// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto

import type { Resource__Input as _apache_rocketmq_v2_Resource__Input, Resource as _apache_rocketmq_v2_Resource } from '../../../apache/rocketmq/v2/Resource.ts';

export interface Publishing__Input {
  'topics'?: (_apache_rocketmq_v2_Resource__Input)[];
  'maxBodySize'?: (number);
  'validateMessageType'?: (boolean);
}

export interface Publishing {
  'topics': (_apache_rocketmq_v2_Resource)[];
  'maxBodySize': (number);
  'validateMessageType': (boolean);
}
