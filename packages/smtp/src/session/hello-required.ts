import type { Session } from './session.ts'

/** Postfix: smtpd_helo_required. */
export const lacksHello = ({ peer, options }: Session): boolean =>
  peer.helo === '' && options.heloRequired === 'yes'
