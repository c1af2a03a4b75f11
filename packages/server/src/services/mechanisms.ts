import { serverMechanisms } from '@posthorn/sasl'
import type { ConfigValues } from '../config/schema/schema.ts'

/** Upper case, as protocols name them. */
export const configuredMechanisms = (config: ConfigValues): readonly string[] =>
  config.auth_mechanisms.map((name) => name.toUpperCase())

/** Whether SCRAM verifiers are wanted beside the hashes. */
export const offersScram = (config: ConfigValues): boolean =>
  configuredMechanisms(config).some((name) => name.startsWith('SCRAM-'))

const plaintextNeeded = 'needs the passwords themselves in the store; use scram-sha-256'

const reasons: Readonly<Record<string, string>> = {
  'CRAM-MD5': plaintextNeeded,
  'DIGEST-MD5': `${plaintextNeeded} (RFC 6331 moved it to historic)`,
  NTLM: plaintextNeeded,
  APOP: plaintextNeeded,
  ANONYMOUS: 'nobody is let in without a login',
  GSSAPI: 'Kerberos is asked through saslauthd (passdb = saslauthd), with plain or login',
  'GSS-SPNEGO': 'Kerberos is asked through saslauthd (passdb = saslauthd), with plain or login',
  'SCRAM-SHA-1': 'use scram-sha-256',
  'SCRAM-SHA-1-PLUS': 'use scram-sha-256-plus',
}

/** What is wrong with auth_mechanisms, each in a line. */
export function mechanismProblems(config: ConfigValues): readonly string[] {
  const known = new Set(serverMechanisms.map(({ name }) => name))
  const names = configuredMechanisms(config)
  const problems = names
    .filter((name) => !known.has(name))
    .map((name) => {
      const all = [...known].map((one) => one.toLowerCase()).join(' ')
      return `auth_mechanisms: ${name.toLowerCase()}: ${reasons[name] ?? `unknown; there are ${all}`}`
    })
  if (names.includes('EXTERNAL') && !config.auth_ssl_username_from_cert)
    problems.push('auth_mechanisms: external needs auth_ssl_username_from_cert = yes')
  const tokens = serverMechanisms.filter(({ name, token }) => token === true && names.includes(name))
  const asksAboutTokens = config.passdb.some((word) => word.startsWith('oauth2:'))
  for (const { name } of asksAboutTokens ? [] : tokens)
    problems.push(
      `auth_mechanisms: ${name.toLowerCase()} needs somebody who knows about tokens: passdb = store oauth2:/etc/posthorn/oauth2.conf`,
    )
  return problems
}
