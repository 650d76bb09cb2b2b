import { limits } from '@cometmq/protocol'
import type { ChannelOptions } from '@grpc/grpc-js'

/**
 * Bytes that may be under way to a reader that has not asked for more, per stream and per
 * connection. HTTP/2 starts with 64 KiB, which a fast network with half a millisecond of round trip
 * exhausts at 130 MB/s. More is not better: on loopback (Node 24, two cores, both busy) messages of
 * 256 KiB ran at some 500 MB/s with this window and at about half of that with 1 to 8 MiB. It also
 * bounds what a paused stream holds.
 */
export const WINDOW_BYTES = 256 * 1024

/** After so long without an answer to an attempt to connect, the peer counts as unreachable. */
export const CONNECT_TIMEOUT_MS = 5_000

/** For both ends of a connection. */
const commonOptions: ChannelOptions = {
  'grpc.max_receive_message_length': limits.rpcMessageMaxBytes,
  'grpc.max_send_message_length': limits.rpcMessageMaxBytes,
  // A peer that fell silent is given up after 8 s at the latest; the port promises 10 s.
  'grpc.keepalive_time_ms': 4_000,
  'grpc.keepalive_timeout_ms': 4_000,
  'grpc.keepalive_permit_without_calls': 1,
  // Its bookkeeping costs some work per message and is read by nobody.
  'grpc.enable_channelz': 0,
}

export const serverOptions: ChannelOptions = commonOptions

export const clientOptions: ChannelOptions = {
  ...commonOptions,
  'grpc-node.flow_control_window': WINDOW_BYTES,
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 300,
  // A broker that comes back under its name but with another address is found soon.
  'grpc.dns_min_time_between_resolutions_ms': 1_000,
  // One transport is one process; in tests, several share this one.
  'grpc.use_local_subchannel_pool': 1,
  // Callers retry by the error table, and only they know what may be repeated.
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  // Brokers are neighbours; a proxy for the web from the environment does not lead to them.
  'grpc.enable_http_proxy': 0,
}
