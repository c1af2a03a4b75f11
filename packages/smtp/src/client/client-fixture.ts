import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import {
  connectSmtp,
  type OutgoingMail,
  type RecipientOutcome,
  type SmtpClient,
  type SmtpClientOptions,
  type SmtpFailure,
} from '../index.ts'
import { type PeerScript, scriptedPeer } from './scripted-peer-fixture.ts'

export const base: SmtpClientOptions = { protocol: 'smtp', heloName: 'us.test', tlsLevel: 'may' }
export const message = Buffer.from('Subject: x\r\n\r\n.dot\r\nbare\nend')

export const mailTo = (recipients: readonly string[], more: Partial<OutgoingMail> = {}): OutgoingMail => ({
  sender: 'a@us.test',
  recipients: recipients.map((address) => ({ address })),
  sizeBytes: message.length,
  content: () => [message.subarray(0, 20), message.subarray(20)],
  ...more,
})

export const peer = async (t: TestContext, script: PeerScript) => {
  const scripted = await scriptedPeer(script)
  t.after(() => scripted.close())
  const connect = (options: Partial<SmtpClientOptions> = {}) =>
    connectSmtp({ host: 'mx.test', address: '127.0.0.1', port: scripted.port }, { ...base, ...options })
  return { scripted, connect }
}

export const ready = (client: SmtpClient | SmtpFailure): SmtpClient => {
  assert.ok(!('kind' in client), 'text' in client ? client.text : '')
  return client
}
export const failed = (client: SmtpClient | SmtpFailure): SmtpFailure => {
  assert.ok('kind' in client)
  return client
}
export const short = (outcome: RecipientOutcome | undefined): string =>
  outcome === undefined
    ? 'nothing'
    : outcome.kind === 'sent'
      ? `sent ${outcome.reply.text}`
      : `${outcome.failure.kind} ${outcome.failure.status} ${outcome.failure.text}`
