import { unknownText } from './known.ts'
import { oneLine } from './main-cf.ts'
import { parameters } from './schema/schema.ts'
import type { Setting } from './settings.ts'

const prefix = 'POSTHORN_'

/** Ours, but no parameters; and what Kubernetes and Docker links put there for a service named posthorn. */
const notParameters = /^POSTHORN_(?:CONFIG|CALLED_AS|COMPILED|WORKER_.*|TEST_.*|SERVICE_.*|PORT(?:_\d.*)?)$/

const byUpperCase = new Map([...parameters.keys()].map((name) => [name.toUpperCase(), name]))

/**
 * `POSTHORN_MYHOSTNAME=mail.example.org` is `myhostname = mail.example.org`. An empty variable is as if it
 * were not there (compose files make such); a blank sets the parameter to nothing.
 */
export function environmentSettings(environment: Readonly<Record<string, string | undefined>>): {
  readonly settings: readonly Setting[]
  readonly problems: readonly string[]
} {
  const settings: Setting[] = []
  const problems: string[] = []
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith(prefix) || notParameters.test(variable)) continue
    if (value === undefined || value === '') continue
    const key = variable.slice(prefix.length)
    const name = byUpperCase.get(key.toUpperCase())
    if (name === undefined) problems.push(`${variable}: ${unknownText(key.toLowerCase())}`)
    else settings.push({ name, value: oneLine(value), source: variable })
  }
  return { settings, problems }
}
