// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto

import type { Language__Input as _apache_rocketmq_v2_Language__Input, Language as _apache_rocketmq_v2_Language } from '../../../apache/rocketmq/v2/Language.ts';

export interface UA__Input {
  'language'?: (_apache_rocketmq_v2_Language__Input);
  'version'?: (string);
  'platform'?: (string);
  'hostname'?: (string);
}

export interface UA {
  'language': (_apache_rocketmq_v2_Language);
  'version': (string);
  'platform': (string);
  'hostname': (string);
}
