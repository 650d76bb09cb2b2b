import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { ConfigError } from './mistake.ts'

/**
 * The users of official clients: a YAML file of `accessKey: secretKey` lines. `undefined`: no file,
 * and so nobody has to be anybody. Throws `ConfigError`.
 */
export async function readUsers(
  file: string | undefined,
): Promise<Readonly<Record<string, string>> | undefined> {
  if (file === undefined) return undefined
  const refuse = (message: string): ConfigError =>
    new ConfigError([{ key: 'gateway.usersFile', source: file, message }])
  let content: unknown
  try {
    content = parse(await readFile(file, 'utf8'))
  } catch (error) {
    throw refuse(`cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw refuse('must hold lines of the form accessKey: secretKey')
  }
  const users = Object.entries(content)
  if (users.some(([key, secret]) => key === '' || typeof secret !== 'string' || secret === '')) {
    throw refuse('must hold lines of the form accessKey: secretKey, each with a text')
  }
  return Object.fromEntries(users) as Record<string, string>
}
