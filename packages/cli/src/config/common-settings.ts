import { checkBrokerName, limits } from '@cometmq/protocol'
import * as z from 'zod'
import { address, choice, text } from './setting.ts'
import { together } from './together.ts'

/** The name of a cluster or a broker. */
export function name() {
  return text(`a name of at most ${limits.brokerNameMaxChars} letters, digits, _ or -`, isName)
}

export function log() {
  return z
    .strictObject({
      level: choice('debug', 'info', 'warn', 'error', 'silent').default('info'),
      /** `auto`: text on a terminal, JSON elsewhere. */
      format: choice('auto', 'json', 'text').default('auto'),
    })
    .prefault({})
}

/** Where a certificate for clients with TLS is; a self-signed one is made without it. */
export function tls() {
  return z
    .strictObject({ certificateFile: file().optional(), keyFile: file().optional() })
    .prefault({})
}

/** Who official RocketMQ clients have to be; without it, anybody. */
export function gateway() {
  return z.strictObject({ usersFile: file().optional() }).prefault({})
}

/** The name of the second listener; of a broker's and a name server's alike. */
export const EXTERNAL_LISTENER = 'external'

/** Where health and metrics are served; nowhere unless it is given. */
export function http() {
  return z.strictObject({ listen: address().optional() }).prefault({})
}

/** Both files, or none: half of a certificate is a mistake. */
export function tlsTogether<
  Settings extends {
    readonly tls: {
      readonly certificateFile?: string | undefined
      readonly keyFile?: string | undefined
    }
  },
>() {
  return together<Settings>({
    keys: ['tls.certificateFile', 'tls.keyFile'],
    holds: ({ tls: { certificateFile, keyFile } }) =>
      (certificateFile === undefined) === (keyFile === undefined),
    message: 'and tls.keyFile must be given together',
  })
}

export function tlsFilesOf({
  tls: { certificateFile, keyFile },
}: {
  readonly tls: {
    readonly certificateFile?: string | undefined
    readonly keyFile?: string | undefined
  }
}): { readonly certificateFile: string; readonly keyFile: string } | undefined {
  if (certificateFile === undefined || keyFile === undefined) return undefined
  return { certificateFile, keyFile }
}

function file() {
  return text('a file', (given) => given.trim() !== '')
}

function isName(given: string): boolean {
  try {
    checkBrokerName(given)
    return true
  } catch {
    return false
  }
}
