import type { Config } from './config.ts'

/**
 * The domain that `postqueue -s` and ETRN may flush; undefined when it is none of fast_flush_domains: the
 * queue is no directory of strangers' sites.
 */
export function flushableSite({ values }: Config, site: string): string | undefined {
  const domain = site.replace(/^[@#]/, '').toLowerCase()
  const served = values.fast_flush_domains.map((one) => one.toLowerCase())
  const isServed = served.some((one) => domain === one || domain.endsWith(`.${one}`) || `.${domain}` === one)
  return isServed ? domain : undefined
}
