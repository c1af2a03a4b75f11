import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LogEvent } from '@posthorn/mail'
import type { MailServer } from '@posthorn/server'
import { makeCertificate } from '../../packages/smtp/src/client/certificate-fixture.ts'
import { client, type IdentityServer, startIdentityServer } from './identity-server.ts'
import { alice, startForClients } from './mail-server.ts'

export const parameters = {
  auth_mechanisms: 'plain oauthbearer xoauth2',
  auth_failure_delay: '0',
  disable_plaintext_auth: 'yes',
  smtpd_tls_auth_only: 'yes',
}

export interface OauthSite {
  readonly server: MailServer
  readonly identity: IdentityServer
  readonly folder: string
  /** PEM of the authority that issued the certificate of `identity`. */
  readonly ca: string
  readonly events: readonly LogEvent[]
  /** What most tests have in their oauth2.conf. */
  readonly usual: string
  file(name: string, text: string): string
  /** oauth2.conf holds this from now on. */
  configure(settings: string): Promise<void>
  /** A token of alice's. */
  good(claims?: Readonly<Record<string, unknown>>): string
  stop(): Promise<void>
}

/** A mail server that asks an authorization server, over HTTPS, about tokens. */
export async function startOauthSite(): Promise<OauthSite> {
  const authority = makeCertificate({ name: 'Test authority', kind: 'authority' })
  const identity = await startIdentityServer(
    makeCertificate({ name: 'localhost', kind: 'server', issuer: authority }),
  )
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-oauth-'))
  const file = (name: string, text: string): string => {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
  const ca = file('ca.pem', authority.cert)
  const usual = `# Keycloak, and whoever knows RFC 7662
introspection_url = https://localhost:${identity.port}/introspect
introspection_mode = post
client_id = ${client.id}
client_secret = "${client.secret}"
username_attribute = email
scope = mail
openid_configuration_url = https://id.example.org/.well-known/openid-configuration
timeout_msecs = 500
tls_ca_cert_file = ${ca}
debug = yes
`
  const passdb = `store oauth2:${file('oauth2.conf', usual)}`
  const events: LogEvent[] = []
  const server = await startForClients({ ...parameters, passdb }, { log: (event) => events.push(event) })
  return {
    server,
    identity,
    folder,
    ca,
    events,
    usual,
    file,
    configure: async (settings) => {
      file('oauth2.conf', settings)
      await server.reload({ ...parameters, passdb })
    },
    good: (claims = {}) => identity.issue({ email: alice.address, scope: 'openid mail', ...claims }),
    stop: async () => {
      await server.stop()
      await identity.stop()
      rmSync(folder, { recursive: true })
    },
  }
}
