// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto

export const AddressScheme = {
  ADDRESS_SCHEME_UNSPECIFIED: 'ADDRESS_SCHEME_UNSPECIFIED',
  IPv4: 'IPv4',
  IPv6: 'IPv6',
  DOMAIN_NAME: 'DOMAIN_NAME',
} as const;

export type AddressScheme__Input =
  | 'ADDRESS_SCHEME_UNSPECIFIED'
  | 0
  | 'IPv4'
  | 1
  | 'IPv6'
  | 2
  | 'DOMAIN_NAME'
  | 3

export type AddressScheme = typeof AddressScheme[keyof typeof AddressScheme]
