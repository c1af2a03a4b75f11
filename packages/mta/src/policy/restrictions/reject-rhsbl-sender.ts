import { parseListZone } from '../list-zone.ts'
import { restriction } from '../restriction.ts'
import { dunno } from '../verdict.ts'
import { listedVerdict } from './reject-rbl-client.ts'

/** The sender's domain is on a DNS list of domains (RFC 5782 §2.2). */
export const rejectRhsblSender = restriction({
  names: ['reject_rhsbl_sender'],
  argument: 'zone',
  make(parts, argument) {
    const zone = parseListZone(argument)
    return (request) => {
      const { sender } = request
      const at = sender?.lastIndexOf('@') ?? -1
      if (sender === undefined || at === -1) return dunno
      return listedVerdict(parts, zone, sender.slice(at + 1), `Sender address [${sender}]`)
    }
  },
})
