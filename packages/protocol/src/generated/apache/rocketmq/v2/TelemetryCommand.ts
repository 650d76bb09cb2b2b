// Original file: packages/protocol/proto/apache/rocketmq/v2/service.proto

import type { Status__Input as _apache_rocketmq_v2_Status__Input, Status as _apache_rocketmq_v2_Status } from '../../../apache/rocketmq/v2/Status.ts';
import type { Settings__Input as _apache_rocketmq_v2_Settings__Input, Settings as _apache_rocketmq_v2_Settings } from '../../../apache/rocketmq/v2/Settings.ts';
import type { ThreadStackTrace__Input as _apache_rocketmq_v2_ThreadStackTrace__Input, ThreadStackTrace as _apache_rocketmq_v2_ThreadStackTrace } from '../../../apache/rocketmq/v2/ThreadStackTrace.ts';
import type { VerifyMessageResult__Input as _apache_rocketmq_v2_VerifyMessageResult__Input, VerifyMessageResult as _apache_rocketmq_v2_VerifyMessageResult } from '../../../apache/rocketmq/v2/VerifyMessageResult.ts';
import type { RecoverOrphanedTransactionCommand__Input as _apache_rocketmq_v2_RecoverOrphanedTransactionCommand__Input, RecoverOrphanedTransactionCommand as _apache_rocketmq_v2_RecoverOrphanedTransactionCommand } from '../../../apache/rocketmq/v2/RecoverOrphanedTransactionCommand.ts';
import type { PrintThreadStackTraceCommand__Input as _apache_rocketmq_v2_PrintThreadStackTraceCommand__Input, PrintThreadStackTraceCommand as _apache_rocketmq_v2_PrintThreadStackTraceCommand } from '../../../apache/rocketmq/v2/PrintThreadStackTraceCommand.ts';
import type { VerifyMessageCommand__Input as _apache_rocketmq_v2_VerifyMessageCommand__Input, VerifyMessageCommand as _apache_rocketmq_v2_VerifyMessageCommand } from '../../../apache/rocketmq/v2/VerifyMessageCommand.ts';
import type { ReconnectEndpointsCommand__Input as _apache_rocketmq_v2_ReconnectEndpointsCommand__Input, ReconnectEndpointsCommand as _apache_rocketmq_v2_ReconnectEndpointsCommand } from '../../../apache/rocketmq/v2/ReconnectEndpointsCommand.ts';
import type { NotifyUnsubscribeLiteCommand__Input as _apache_rocketmq_v2_NotifyUnsubscribeLiteCommand__Input, NotifyUnsubscribeLiteCommand as _apache_rocketmq_v2_NotifyUnsubscribeLiteCommand } from '../../../apache/rocketmq/v2/NotifyUnsubscribeLiteCommand.ts';

export interface TelemetryCommand__Input {
  'status'?: (_apache_rocketmq_v2_Status__Input | null);
  'settings'?: (_apache_rocketmq_v2_Settings__Input | null);
  'threadStackTrace'?: (_apache_rocketmq_v2_ThreadStackTrace__Input | null);
  'verifyMessageResult'?: (_apache_rocketmq_v2_VerifyMessageResult__Input | null);
  'recoverOrphanedTransactionCommand'?: (_apache_rocketmq_v2_RecoverOrphanedTransactionCommand__Input | null);
  'printThreadStackTraceCommand'?: (_apache_rocketmq_v2_PrintThreadStackTraceCommand__Input | null);
  'verifyMessageCommand'?: (_apache_rocketmq_v2_VerifyMessageCommand__Input | null);
  'reconnectEndpointsCommand'?: (_apache_rocketmq_v2_ReconnectEndpointsCommand__Input | null);
  'notifyUnsubscribeLiteCommand'?: (_apache_rocketmq_v2_NotifyUnsubscribeLiteCommand__Input | null);
  '_status'?: "status";
  'command'?: "settings"|"threadStackTrace"|"verifyMessageResult"|"recoverOrphanedTransactionCommand"|"printThreadStackTraceCommand"|"verifyMessageCommand"|"reconnectEndpointsCommand"|"notifyUnsubscribeLiteCommand";
}

export interface TelemetryCommand {
  'status'?: (_apache_rocketmq_v2_Status | null);
  'settings'?: (_apache_rocketmq_v2_Settings | null);
  'threadStackTrace'?: (_apache_rocketmq_v2_ThreadStackTrace | null);
  'verifyMessageResult'?: (_apache_rocketmq_v2_VerifyMessageResult | null);
  'recoverOrphanedTransactionCommand'?: (_apache_rocketmq_v2_RecoverOrphanedTransactionCommand | null);
  'printThreadStackTraceCommand'?: (_apache_rocketmq_v2_PrintThreadStackTraceCommand | null);
  'verifyMessageCommand'?: (_apache_rocketmq_v2_VerifyMessageCommand | null);
  'reconnectEndpointsCommand'?: (_apache_rocketmq_v2_ReconnectEndpointsCommand | null);
  'notifyUnsubscribeLiteCommand'?: (_apache_rocketmq_v2_NotifyUnsubscribeLiteCommand | null);
  '_status'?: "status";
  'command'?: "settings"|"threadStackTrace"|"verifyMessageResult"|"recoverOrphanedTransactionCommand"|"printThreadStackTraceCommand"|"verifyMessageCommand"|"reconnectEndpointsCommand"|"notifyUnsubscribeLiteCommand";
}
