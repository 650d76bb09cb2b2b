// Original file: packages/protocol/proto/apache/rocketmq/v2/definition.proto

import type { Digest__Input as _apache_rocketmq_v2_Digest__Input, Digest as _apache_rocketmq_v2_Digest } from '../../../apache/rocketmq/v2/Digest.ts';
import type { Encoding__Input as _apache_rocketmq_v2_Encoding__Input, Encoding as _apache_rocketmq_v2_Encoding } from '../../../apache/rocketmq/v2/Encoding.ts';
import type { MessageType__Input as _apache_rocketmq_v2_MessageType__Input, MessageType as _apache_rocketmq_v2_MessageType } from '../../../apache/rocketmq/v2/MessageType.ts';
import type { Timestamp__Input as _google_protobuf_Timestamp__Input, Timestamp as _google_protobuf_Timestamp } from '../../../google/protobuf/Timestamp.ts';
import type { Duration__Input as _google_protobuf_Duration__Input, Duration as _google_protobuf_Duration } from '../../../google/protobuf/Duration.ts';
import type { DeadLetterQueue__Input as _apache_rocketmq_v2_DeadLetterQueue__Input, DeadLetterQueue as _apache_rocketmq_v2_DeadLetterQueue } from '../../../apache/rocketmq/v2/DeadLetterQueue.ts';
import type { Long } from '@grpc/proto-loader';

export interface SystemProperties__Input {
  'tag'?: (string);
  'keys'?: (string)[];
  'messageId'?: (string);
  'bodyDigest'?: (_apache_rocketmq_v2_Digest__Input | null);
  'bodyEncoding'?: (_apache_rocketmq_v2_Encoding__Input);
  'messageType'?: (_apache_rocketmq_v2_MessageType__Input);
  'bornTimestamp'?: (_google_protobuf_Timestamp__Input | null);
  'bornHost'?: (string);
  'storeTimestamp'?: (_google_protobuf_Timestamp__Input | null);
  'storeHost'?: (string);
  'deliveryTimestamp'?: (_google_protobuf_Timestamp__Input | null);
  'receiptHandle'?: (string);
  'queueId'?: (number);
  'queueOffset'?: (number | string | Long);
  'invisibleDuration'?: (_google_protobuf_Duration__Input | null);
  'deliveryAttempt'?: (number);
  'messageGroup'?: (string);
  'traceContext'?: (string);
  'orphanedTransactionRecoveryDuration'?: (_google_protobuf_Duration__Input | null);
  'deadLetterQueue'?: (_apache_rocketmq_v2_DeadLetterQueue__Input | null);
  'liteTopic'?: (string);
  'priority'?: (number);
  '_tag'?: "tag";
  '_storeTimestamp'?: "storeTimestamp";
  '_deliveryTimestamp'?: "deliveryTimestamp";
  '_receiptHandle'?: "receiptHandle";
  '_queueOffset'?: "queueOffset";
  '_invisibleDuration'?: "invisibleDuration";
  '_deliveryAttempt'?: "deliveryAttempt";
  '_messageGroup'?: "messageGroup";
  '_traceContext'?: "traceContext";
  '_orphanedTransactionRecoveryDuration'?: "orphanedTransactionRecoveryDuration";
  '_deadLetterQueue'?: "deadLetterQueue";
  '_liteTopic'?: "liteTopic";
  '_priority'?: "priority";
}

export interface SystemProperties {
  'tag'?: (string);
  'keys': (string)[];
  'messageId': (string);
  'bodyDigest': (_apache_rocketmq_v2_Digest | null);
  'bodyEncoding': (_apache_rocketmq_v2_Encoding);
  'messageType': (_apache_rocketmq_v2_MessageType);
  'bornTimestamp': (_google_protobuf_Timestamp | null);
  'bornHost': (string);
  'storeTimestamp'?: (_google_protobuf_Timestamp | null);
  'storeHost': (string);
  'deliveryTimestamp'?: (_google_protobuf_Timestamp | null);
  'receiptHandle'?: (string);
  'queueId': (number);
  'queueOffset'?: (number);
  'invisibleDuration'?: (_google_protobuf_Duration | null);
  'deliveryAttempt'?: (number);
  'messageGroup'?: (string);
  'traceContext'?: (string);
  'orphanedTransactionRecoveryDuration'?: (_google_protobuf_Duration | null);
  'deadLetterQueue'?: (_apache_rocketmq_v2_DeadLetterQueue | null);
  'liteTopic'?: (string);
  'priority'?: (number);
  '_tag'?: "tag";
  '_storeTimestamp'?: "storeTimestamp";
  '_deliveryTimestamp'?: "deliveryTimestamp";
  '_receiptHandle'?: "receiptHandle";
  '_queueOffset'?: "queueOffset";
  '_invisibleDuration'?: "invisibleDuration";
  '_deliveryAttempt'?: "deliveryAttempt";
  '_messageGroup'?: "messageGroup";
  '_traceContext'?: "traceContext";
  '_orphanedTransactionRecoveryDuration'?: "orphanedTransactionRecoveryDuration";
  '_deadLetterQueue'?: "deadLetterQueue";
  '_liteTopic'?: "liteTopic";
  '_priority'?: "priority";
}
