import type { PolicyRequest } from './request.ts'

/** The version of the protocol's attributes that are sent: those of Postfix 3.7. */
const compatibility = '3.6'

/** SMTPD_POLICY_README: one `name=value` a line, ended by an empty line. */
export function policyQuestion(request: PolicyRequest, policyContext: string, digest: string): Buffer {
  const { client, connection } = request
  const certificate = connection?.tls?.clientCertificate
  // Whoever made a certificate himself put into it what he likes.
  const verified = certificate?.trust === 'trusted' ? certificate : undefined
  const afterRecipients = request.command === 'DATA' || request.command === 'END-OF-MESSAGE'
  const attributes: readonly (readonly [string, string | number])[] = [
    ['request', 'smtpd_access_policy'],
    ['protocol_state', request.command],
    ['protocol_name', request.protocol],
    ['client_address', client.address],
    ['client_name', client.name.name],
    ['client_port', connection?.clientPort ?? ''],
    ['reverse_client_name', client.name.reverseName],
    ['server_address', connection?.localAddress ?? ''],
    ['server_port', connection?.localPort ?? ''],
    ['helo_name', request.helo],
    ['sender', request.sender ?? ''],
    ['recipient', request.recipient ?? ''],
    ['recipient_count', afterRecipients ? request.recipientCount : 0],
    ['queue_id', request.queueId],
    ['instance', `${connection?.id ?? ''}.${request.transaction ?? 0}`],
    ['size', request.sizeBytes ?? 0],
    ['etrn_domain', request.etrnDomain ?? ''],
    ['stress', ''],
    ['sasl_method', connection?.user?.method ?? ''],
    ['sasl_username', request.user ?? ''],
    ['sasl_sender', ''],
    ['ccert_subject', xtext(verified?.subject ?? '')],
    ['ccert_issuer', xtext(verified?.issuer ?? '')],
    ['ccert_fingerprint', certificate?.fingerprint(digest) ?? ''],
    ['ccert_pubkey_fingerprint', certificate?.publicKeyFingerprint(digest) ?? ''],
    ['encryption_protocol', connection?.tls?.protocol ?? ''],
    ['encryption_cipher', connection?.tls?.cipher ?? ''],
    ['encryption_keysize', connection?.tls?.bits ?? 0],
    ['policy_context', policyContext],
    ['compatibility_level', compatibility],
  ]
  let text = ''
  for (const [name, value] of attributes) text += `${name}=${oneLine(String(value))}\n`
  return Buffer.from(`${text}\n`)
}

/** A line end in a value would begin another attribute. */
function oneLine(value: string): string {
  return value.replace(/[\r\n\0]/g, '?')
}

/** RFC 3461 §4: `client+20one`. SMTPD_POLICY_README. */
function xtext(value: string): string {
  return Array.from(Buffer.from(value), (octet) =>
    octet > 0x20 && octet < 0x7f && octet !== 0x2b && octet !== 0x3d
      ? String.fromCharCode(octet)
      : `+${octet.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('')
}
