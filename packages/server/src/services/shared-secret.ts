import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { createDurably } from '../durable-file.ts'
import { StartError } from '../start-error.ts'

/** The first line of a file that all processes of a site share; made at the first use. Throws StartError. */
export function sharedSecret(path: string): string {
  try {
    if (!existsSync(path)) createDurably(path, `${randomBytes(32).toString('base64')}\n`, 0o600)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw unusable(path, error)
  }
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw unusable(path, error)
  }
  const [secret = ''] = text.split('\n')
  if (secret.trim().length < 8) throw unusable(path, 'less than 8 characters')
  return secret.trim()
}

function unusable(path: string, reason: unknown): StartError {
  const text = reason instanceof Error ? reason.message : String(reason)
  return new StartError(
    `cannot use the secret in ${path}: ${text}`,
    'one line of at least 8 characters, mode 600',
  )
}
