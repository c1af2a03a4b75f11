import type { OutgoingMail } from '@posthorn/smtp'
import type { QueuedRecipient } from '@posthorn/storage'
import type { OutgoingRewriting } from '../rewriting/index.ts'
import { Together } from '../tables/index.ts'
import type { DeliveryJob } from './attempt.ts'
import { sevenBit } from './seven-bit.ts'

/** A job as the client sends it: addresses and header as the world is to see them. Throws LookupWaits and LookupFailed. */
export function mailOf(
  job: DeliveryJob,
  recipients: readonly QueuedRecipient[],
  how: {
    readonly rewriting: OutgoingRewriting | undefined
    readonly sevenBitConversion: 'yes' | 'no'
    readonly nowMs: number
  },
): OutgoingMail {
  const { entry, sender, sizeBytes, probe } = job
  const { origin, queueId } = entry
  const { body, envid, ret, smtpUtf8, requireTls } = entry.options
  const { rewriting } = how
  const content = (): AsyncIterable<Uint8Array> | Iterable<Uint8Array> =>
    rewriting === undefined ? (job.pieces ?? job.content()) : rewriting.content(job.content(), queueId)
  const together = new Together()
  const rewritten = (address: string): string =>
    rewriting === undefined || address === ''
      ? address
      : together.look(() => rewriting.address(address), address)
  const envelope = {
    sender: rewritten(sender),
    recipients: recipients.map(({ address, notify, originalRecipient }) => ({
      address: rewritten(address),
      ...(notify === undefined ? {} : { notify }),
      ...(originalRecipient === undefined ? {} : { originalRecipient }),
    })),
  }
  together.settle()
  return {
    ...envelope,
    sizeBytes,
    waitedMs: how.nowMs - entry.arrivedMs,
    ...(body === undefined ? {} : { body }),
    ...(probe === undefined ? {} : { probe }),
    ...(envid === undefined ? {} : { envid }),
    ...(ret === undefined ? {} : { ret }),
    ...(smtpUtf8 === undefined ? {} : { smtpUtf8 }),
    ...(requireTls === undefined ? {} : { requireTls }),
    forwarded: {
      name: origin.clientName,
      address: origin.clientAddress,
      helo: origin.helo,
      protocol: origin.protocol,
      queueId: origin.ident ?? queueId,
      port: origin.clientPort,
      source: origin.source,
    },
    content,
    ...(how.sevenBitConversion === 'no' ? {} : { sevenBitContent: () => sevenBit(content) }),
  }
}
