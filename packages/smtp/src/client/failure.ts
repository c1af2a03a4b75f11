import type { RemoteReply } from './reply.ts'
import type { TlsFailureType } from './tls-event.ts'

/** Why a whole session or transaction came to nothing. A value: peers do such things every day. */
export interface SmtpFailure {
  /**
   * 'connect', 'lost', 'timeout', 'tls': no word of the server decided, another server may be tried.
   * 'reply': the server said 4yz or 5yz. 'auth': our login was refused. 'capability': it cannot take this message.
   */
  readonly kind: 'connect' | 'lost' | 'timeout' | 'tls' | 'reply' | 'auth' | 'capability'
  /** RFC 3463. */
  readonly status: string
  /** In Postfix's words: `host x[192.0.2.1] said: 550 … (in reply to MAIL FROM command)`. */
  readonly text: string
  /** Of kind 'tls': what was wrong. Default validation-failure. */
  readonly tls?: TlsFailureType
  /** The server's own words, when it said some. */
  readonly reply?: RemoteReply
}

/** What was going on, for `lost connection with … while …`. */
export type Stage =
  | 'receiving the initial server greeting'
  | 'performing the EHLO handshake'
  | 'performing the HELO handshake'
  | 'performing the LHLO handshake'
  | 'performing the TLS handshake'
  | 'performing SASL authentication'
  | 'sending XFORWARD name/address'
  | 'sending MAIL FROM'
  | 'sending RCPT TO'
  | 'sending DATA command'
  | 'sending message body'
  | 'sending end of data -- message may be sent more than once'
  | 'sending RSET'
  | 'sending QUIT command'

export const replyFailure = (remote: string, reply: RemoteReply, command: string): SmtpFailure => ({
  kind: 'reply',
  status: reply.status,
  text: `host ${remote} said: ${reply.text} (in reply to ${command} command)`,
  reply,
})

export const lostFailure = (remote: string, stage: Stage): SmtpFailure => ({
  kind: 'lost',
  status: '4.4.2',
  text: `lost connection with ${remote} while ${stage}`,
})

export const timeoutFailure = (remote: string, stage: Stage): SmtpFailure => ({
  kind: 'timeout',
  status: '4.4.2',
  text: `conversation with ${remote} timed out while ${stage}`,
})
