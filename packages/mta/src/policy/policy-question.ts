import type { PolicyRequest } from './request.ts'

/** The version of the protocol's attributes that are sent: those of Postfix 3.7. */
const compatibility = '3.6'

/** SMTPD_POLICY_README: one `name=value` a line, ended by an empty line. */
export function policyQuestion(request: PolicyRequest, policyContext: string): Buffer {
  const { client, connection } = request
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
    ['ccert_subject', ''],
    ['ccert_issuer', ''],
    ['ccert_fingerprint', ''],
    ['ccert_pubkey_fingerprint', ''],
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
