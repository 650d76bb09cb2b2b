// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto

import type { DigestType__Input as _apache_rocketmq_v2_DigestType__Input, DigestType as _apache_rocketmq_v2_DigestType } from '../../../apache/rocketmq/v2/DigestType.ts';

export interface Digest__Input {
  'type'?: (_apache_rocketmq_v2_DigestType__Input);
  'checksum'?: (string);
}

export interface Digest {
  'type': (_apache_rocketmq_v2_DigestType);
  'checksum': (string);
}
