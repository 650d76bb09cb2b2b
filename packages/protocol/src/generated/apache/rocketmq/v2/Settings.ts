// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto

import type { ClientType__Input as _apache_rocketmq_v2_ClientType__Input, ClientType as _apache_rocketmq_v2_ClientType } from '../../../apache/rocketmq/v2/ClientType.ts';
import type { Endpoints__Input as _apache_rocketmq_v2_Endpoints__Input, Endpoints as _apache_rocketmq_v2_Endpoints } from '../../../apache/rocketmq/v2/Endpoints.ts';
import type { RetryPolicy__Input as _apache_rocketmq_v2_RetryPolicy__Input, RetryPolicy as _apache_rocketmq_v2_RetryPolicy } from '../../../apache/rocketmq/v2/RetryPolicy.ts';
import type { Duration__Input as _google_protobuf_Duration__Input, Duration as _google_protobuf_Duration } from '../../../google/protobuf/Duration.ts';
import type { Publishing__Input as _apache_rocketmq_v2_Publishing__Input, Publishing as _apache_rocketmq_v2_Publishing } from '../../../apache/rocketmq/v2/Publishing.ts';
import type { Subscription__Input as _apache_rocketmq_v2_Subscription__Input, Subscription as _apache_rocketmq_v2_Subscription } from '../../../apache/rocketmq/v2/Subscription.ts';
import type { UA__Input as _apache_rocketmq_v2_UA__Input, UA as _apache_rocketmq_v2_UA } from '../../../apache/rocketmq/v2/UA.ts';
import type { Metric__Input as _apache_rocketmq_v2_Metric__Input, Metric as _apache_rocketmq_v2_Metric } from '../../../apache/rocketmq/v2/Metric.ts';

export interface Settings__Input {
  'clientType'?: (_apache_rocketmq_v2_ClientType__Input);
  'accessPoint'?: (_apache_rocketmq_v2_Endpoints__Input | null);
  'backoffPolicy'?: (_apache_rocketmq_v2_RetryPolicy__Input | null);
  'requestTimeout'?: (_google_protobuf_Duration__Input | null);
  'publishing'?: (_apache_rocketmq_v2_Publishing__Input | null);
  'subscription'?: (_apache_rocketmq_v2_Subscription__Input | null);
  'userAgent'?: (_apache_rocketmq_v2_UA__Input | null);
  'metric'?: (_apache_rocketmq_v2_Metric__Input | null);
  'clientProperties'?: ({[key: string]: string});
  '_clientType'?: "clientType";
  '_accessPoint'?: "accessPoint";
  '_backoffPolicy'?: "backoffPolicy";
  '_requestTimeout'?: "requestTimeout";
  'pubSub'?: "publishing"|"subscription";
}

export interface Settings {
  'clientType'?: (_apache_rocketmq_v2_ClientType);
  'accessPoint'?: (_apache_rocketmq_v2_Endpoints | null);
  'backoffPolicy'?: (_apache_rocketmq_v2_RetryPolicy | null);
  'requestTimeout'?: (_google_protobuf_Duration | null);
  'publishing'?: (_apache_rocketmq_v2_Publishing | null);
  'subscription'?: (_apache_rocketmq_v2_Subscription | null);
  'userAgent': (_apache_rocketmq_v2_UA | null);
  'metric': (_apache_rocketmq_v2_Metric | null);
  'clientProperties': ({[key: string]: string});
  '_clientType'?: "clientType";
  '_accessPoint'?: "accessPoint";
  '_backoffPolicy'?: "backoffPolicy";
  '_requestTimeout'?: "requestTimeout";
  'pubSub'?: "publishing"|"subscription";
}
