// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto


export interface Resource__Input {
  'resourceNamespace'?: (string);
  'name'?: (string);
}

export interface Resource {
  'resourceNamespace': (string);
  'name': (string);
}
