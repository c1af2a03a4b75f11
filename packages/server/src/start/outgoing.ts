/** Mail on its way out, from main.cf: how it is changed, whom it trusts, what it says to other servers. */
import { join } from 'node:path'
import type { Resolver } from '@posthorn/dns'
import type { Log } from '@posthorn/mail'
import {
  createMtaSts,
  createOutgoingRewriting,
  type DeliveryOptions,
  type MtaSts,
  type Routing,
  type Tables,
} from '@posthorn/mta'
import type { Config } from '../config/config.ts'
import { remoteSite } from '../services/remote-options.ts'
import { type ClientTables, lmtpClientOptions, smtpClientOptions } from '../services/smtp-client-options.ts'
import { stsMemory } from '../services/sts-memory.ts'
import { lmtpOutgoingOptions, outgoingOptions } from '../services/transfer-options.ts'

export type Outgoing = Required<
  Pick<DeliveryOptions, 'smtpClient' | 'lmtpClient' | 'smtp' | 'lmtp' | 'rewriting' | 'lmtpRewriting'>
>

/** Policies of other domains outlive every reload. */
export const createSts = (config: Config, resolver: Resolver, log: Log, now: () => number): MtaSts =>
  createMtaSts({
    resolver,
    now,
    memory: stsMemory(join(config.values.data_directory, 'mta-sts.json'), log),
  })

/** Throws TableError, StartError. */
export function createOutgoing(
  config: Config,
  sources: {
    readonly tables: Tables
    readonly routing: Pick<Routing, 'complete' | 'isLocalDomain'>
    readonly sts: MtaSts
    readonly log: Log
  },
): Outgoing {
  const { tables, routing, sts, log } = sources
  const { values } = config
  const addresses = {
    complete: routing.complete,
    isLocalDomain: routing.isLocalDomain,
    delimiter: values.recipient_delimiter,
  }
  const rewriting = createOutgoingRewriting(outgoingOptions(config), tables, addresses, log)
  const lmtpRewriting = createOutgoingRewriting(lmtpOutgoingOptions(config), tables, addresses, log)
  const discardKeywords = tables.openAll(values.smtp_discard_ehlo_keyword_address_maps)
  const asks = (passwords: readonly string[]): ClientTables => ({
    passwords: tables.openAll(passwords),
    discardKeywords,
  })
  const smtpTables = asks(values.smtp_sasl_password_maps)
  const lmtpTables = asks(values.lmtp_sasl_password_maps)
  const site = remoteSite(values, { policies: tables.openAll(values.smtp_tls_policy_maps), sts, log })
  return {
    smtpClient: (server, nextHop, sender) => ({
      ...smtpClientOptions(values, smtpTables, server, nextHop, sender),
      tls: site.tls,
    }),
    lmtpClient: (server, nextHop) => ({
      ...lmtpClientOptions(values, lmtpTables, server, nextHop),
      tls: site.tls,
    }),
    smtp: () => site.smtp,
    lmtp: () => site.lmtp,
    rewriting: () => rewriting,
    lmtpRewriting: () => lmtpRewriting,
  }
}
