// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto

import type { AddressScheme__Input as _apache_rocketmq_v2_AddressScheme__Input, AddressScheme as _apache_rocketmq_v2_AddressScheme } from '../../../apache/rocketmq/v2/AddressScheme.ts';
import type { Address__Input as _apache_rocketmq_v2_Address__Input, Address as _apache_rocketmq_v2_Address } from '../../../apache/rocketmq/v2/Address.ts';

export interface Endpoints__Input {
  'scheme'?: (_apache_rocketmq_v2_AddressScheme__Input);
  'addresses'?: (_apache_rocketmq_v2_Address__Input)[];
}

export interface Endpoints {
  'scheme': (_apache_rocketmq_v2_AddressScheme);
  'addresses': (_apache_rocketmq_v2_Address)[];
}
