// Original file: packages/protocol/proto/apache/rocketmq/v2/admin.proto


export interface ChangeLogLevelResponse__Input {
  'remark'?: (string);
}

export interface ChangeLogLevelResponse {
  'remark': (string);
}
