import type { Log } from '@posthorn/mail'
import { parseAddress, splitListText } from '../tables/index.ts'

export interface GatewayFacts {
  /** Addresses of the default route's gateways (in a container: the bridge, `172.17.0.1`). */
  readonly gateways: readonly string[]
  /** mynetworks as configured. */
  readonly mynetworks: string
  readonly log: Log
}

/**
 * Behind Docker's proxy or a NAT every stranger seems to come from the gateway: mynetworks with the
 * bridge's network in it would make an open relay. So a gateway is trusted only when mynetworks names it
 * alone (`172.17.0.1/32`), and the first client that comes from it is told of in the log.
 */
export interface GatewayGuard {
  /** The client may be trusted because of its address. */
  trusts(clientAddress: string): boolean
}

export function createGatewayGuard(facts: GatewayFacts): GatewayGuard {
  const named = new Set(
    splitListText(facts.mynetworks).map((item) => normal(item.replace(/\/(32|128)$/, '')) ?? ''),
  )
  const distrusted = new Set(
    facts.gateways
      .map(normal)
      .filter((gateway) => gateway !== undefined)
      .filter((gateway) => isPrivate(gateway) && !named.has(gateway)),
  )
  let warned = false
  return {
    trusts(clientAddress) {
      if (distrusted.size === 0) return true
      // IPv4 has one way to be written.
      const address = clientAddress.includes(':') ? normal(clientAddress) : clientAddress
      if (address === undefined || !distrusted.has(address)) return true
      if (!warned) {
        warned = true
        facts.log({
          level: 'warning',
          service: 'smtpd',
          text: `connection from the gateway ${address}: clients behind it cannot be told apart, so none is trusted by mynetworks. If source addresses are kept and the gateway itself sends mail, add ${address} to mynetworks`,
        })
      }
      return false
    },
  }
}

function normal(text: string): string | undefined {
  return parseAddress(text)?.toString()
}

function isPrivate(text: string): boolean {
  const range = parseAddress(text)?.range()
  return (
    range === 'private' || range === 'uniqueLocal' || range === 'linkLocal' || range === 'carrierGradeNat'
  )
}
