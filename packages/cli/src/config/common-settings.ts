import { checkBrokerName, limits } from '@cometmq/protocol'
import * as z from 'zod'
import { choice, text } from './setting.ts'

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

function isName(given: string): boolean {
  try {
    checkBrokerName(given)
    return true
  } catch {
    return false
  }
}
