import { restriction } from '../restriction.ts'

/** Asks a program outside, postgrey or its like. SMTPD_POLICY_README. */
export const checkPolicyService = restriction({
  names: ['check_policy_service'],
  argument: 'policy service',
  make(parts, spec) {
    const service = parts.services.open(spec)
    const table = {
      name: service.name,
      match: 'fixed' as const,
      lookup: () => undefined,
      refresh: () => Promise.resolve(),
    }
    return async (request, subject, depth) =>
      parts.act(await service.action(request), table, 'policy query', subject, request, depth)
  },
})
