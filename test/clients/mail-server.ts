import { type MailServer, startMailServer } from '@posthorn/server'

export const alice = { address: 'alice@example.org', password: 'wonder-land 7' }
export const bob = { address: 'bob@example.org', password: 'bob"s\\secret' }

/** One server with alice and bob, all services on free ports of 127.0.0.1, self-signed certificate. */
export async function startForClients(
  parameters: Readonly<Record<string, string>> = {},
  more: Pick<Parameters<typeof startMailServer>[0] & {}, 'log' | 'masterCf'> = {},
): Promise<MailServer> {
  return await startMailServer({
    ...more,
    parameters: {
      myhostname: 'mail.example.org',
      mydestination: 'example.org, localhost',
      myorigin: 'example.org',
      mynetworks: '192.0.2.0/24',
      disable_plaintext_auth: 'no',
      smtpd_tls_auth_only: 'no',
      ...parameters,
    },
    accounts: [alice, bob],
  })
}

/** Waits for `look` to find something; bounded, and says what it waited for. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined>,
  timeoutMs = 60_000,
): Promise<T> {
  const endMs = performance.now() + timeoutMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > endMs) throw new Error(`waited ${timeoutMs / 1000} s in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
