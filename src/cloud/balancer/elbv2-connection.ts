import type { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { AwsCall } from '../aws-call.ts';

/** What the parts of this adapter share. */
export interface Elbv2Connection {
  client: ElasticLoadBalancingV2Client;
  call: AwsCall;
}
