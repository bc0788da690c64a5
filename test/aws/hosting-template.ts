import { randomBytes } from 'node:crypto';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
} from '@aws-sdk/client-ecs';
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { CreateHostedZoneCommand, Route53Client } from '@aws-sdk/client-route-53';
import {
  CreateBucketCommand,
  PutBucketEncryptionCommand,
  PutPublicAccessBlockCommand,
  S3Client,
} from '@aws-sdk/client-s3';

export interface AwsServer {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
}

/** What an operator has before the first tenant is hosted: a load balancer, a cluster with the template, a zone, and a bucket. */
export interface HostingTemplate {
  cluster: string;
  securityGroup: string;
  templateServices: Record<'backend' | 'frontend', string>;
  targetGroups: Record<'backend' | 'frontend', string>;
  listenerArn: string;
  hostedZoneId: string;
  domain: string;
  bucket: string;
}

const parts = { backend: { port: 8080, path: '/ready' }, frontend: { port: 3000, path: '/' } };

/** Of the account that every call to an emulator is made in. */
export async function makeHostingTemplate(aws: AwsServer): Promise<HostingTemplate> {
  const name = `t${randomBytes(5).toString('hex')}`;
  const network = await defaultNetwork(aws);
  const balancer = await makeBalancer(aws, name, network);
  const domain = `${name}.example.com`;
  const { HostedZone } = await new Route53Client(aws).send(
    new CreateHostedZoneCommand({ Name: domain, CallerReference: name }),
  );
  const bucket = `${name}-files`;
  await makeProtectedBucket(aws, bucket);
  const templateServices = await makeTemplateServices(aws, name, balancer.targetGroups, network);
  return {
    cluster: name,
    securityGroup: network.securityGroup,
    templateServices,
    ...balancer,
    hostedZoneId: HostedZone?.Id?.replace('/hostedzone/', '') ?? '',
    domain,
    bucket,
  };
}

export async function makeProtectedBucket(aws: AwsServer, bucket: string): Promise<void> {
  const s3 = new S3Client({ ...aws, forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  await s3.send(
    new PutPublicAccessBlockCommand({
      Bucket: bucket,
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        IgnorePublicAcls: true,
        BlockPublicPolicy: true,
        RestrictPublicBuckets: true,
      },
    }),
  );
  await s3.send(
    new PutBucketEncryptionCommand({
      Bucket: bucket,
      ServerSideEncryptionConfiguration: {
        Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
    }),
  );
}

async function makeBalancer(aws: AwsServer, name: string, network: Network) {
  const elb = new ElasticLoadBalancingV2Client(aws);
  const targetGroups = { backend: '', frontend: '' };
  for (const [part, { port, path }] of Object.entries(parts)) {
    const { TargetGroups } = await elb.send(
      new CreateTargetGroupCommand({
        Name: `${name}-${part}`,
        Protocol: 'HTTP',
        Port: port,
        VpcId: network.vpc,
        TargetType: 'ip',
        HealthCheckProtocol: 'HTTP',
        HealthCheckPath: path,
        HealthCheckIntervalSeconds: 15,
        HealthyThresholdCount: 3,
        Matcher: { HttpCode: '200-299' },
      }),
    );
    targetGroups[part as keyof typeof parts] = TargetGroups?.[0]?.TargetGroupArn ?? '';
  }
  const { LoadBalancers } = await elb.send(
    new CreateLoadBalancerCommand({ Name: name, Subnets: network.subnets, Type: 'application' }),
  );
  const { Listeners } = await elb.send(
    new CreateListenerCommand({
      LoadBalancerArn: LoadBalancers?.[0]?.LoadBalancerArn,
      Protocol: 'HTTP',
      Port: 80,
      DefaultActions: [{ Type: 'forward', TargetGroupArn: targetGroups.frontend }],
    }),
  );
  return { targetGroups, listenerArn: Listeners?.[0]?.ListenerArn ?? '' };
}

async function makeTemplateServices(
  aws: AwsServer,
  cluster: string,
  targetGroups: HostingTemplate['targetGroups'],
  { subnets, securityGroup }: Network,
): Promise<HostingTemplate['templateServices']> {
  const ecs = new ECSClient(aws);
  await ecs.send(new CreateClusterCommand({ clusterName: cluster }));
  const templateServices = { backend: `${cluster}-backend`, frontend: `${cluster}-frontend` };
  for (const part of ['backend', 'frontend'] as const) {
    const { taskDefinition } = await ecs.send(
      new RegisterTaskDefinitionCommand({
        family: templateServices[part],
        networkMode: 'awsvpc',
        requiresCompatibilities: ['FARGATE'],
        cpu: '512',
        memory: '1024',
        taskRoleArn: 'arn:aws:iam::000000000000:role/template-task',
        executionRoleArn: 'arn:aws:iam::000000000000:role/template-execution',
        runtimePlatform: { cpuArchitecture: 'ARM64', operatingSystemFamily: 'LINUX' },
        containerDefinitions: [
          {
            name: 'app',
            image: `registry.example.com/${part}:1.4.2`,
            portMappings: [{ containerPort: parts[part].port, protocol: 'tcp' }],
            environment: [
              { name: 'LOG_LEVEL', value: 'info' },
              { name: 'TENANT_SLUG', value: 'company-x' },
            ],
            secrets: [
              { name: 'DATABASE_URL', valueFrom: 'arn:aws:ssm:us-east-1:000000000000:parameter/company-x' },
              { name: 'LICENSE', valueFrom: 'arn:aws:ssm:us-east-1:000000000000:parameter/license' },
            ],
          },
          {
            name: 'log-router',
            image: 'registry.example.com/router:3',
            essential: false,
            environment: [{ name: 'TENANT_SLUG', value: 'company-x' }],
          },
        ],
      }),
    );
    await ecs.send(
      new CreateServiceCommand({
        cluster,
        serviceName: templateServices[part],
        taskDefinition: taskDefinition?.taskDefinitionArn,
        desiredCount: 2,
        launchType: 'FARGATE',
        networkConfiguration: {
          awsvpcConfiguration: {
            subnets,
            securityGroups: [securityGroup],
            assignPublicIp: 'DISABLED',
          },
        },
        deploymentConfiguration: { maximumPercent: 150, minimumHealthyPercent: 100 },
        healthCheckGracePeriodSeconds: 30,
        loadBalancers: [
          {
            targetGroupArn: targetGroups[part],
            containerName: 'app',
            containerPort: parts[part].port,
          },
        ],
      }),
    );
  }
  return templateServices;
}

interface Network {
  vpc: string;
  subnets: string[];
  securityGroup: string;
}

/** Of the account's default VPC. */
async function defaultNetwork(aws: AwsServer): Promise<Network> {
  const subnets = await askEc2(aws, 'DescribeSubnets');
  const [vpc = ''] = valuesOf(subnets, 'vpcId');
  const [securityGroup = ''] = valuesOf(await askEc2(aws, 'DescribeSecurityGroups'), 'groupId');
  return { vpc, subnets: valuesOf(subnets, 'subnetId').slice(0, 2), securityGroup };
}

/** Asked by hand: the product needs no SDK client of EC2. */
async function askEc2({ endpoint, region }: AwsServer, action: string): Promise<string> {
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${region}/ec2/aws4_request, SignedHeaders=host, Signature=x`,
    },
    body: `Action=${action}&Version=2016-11-15`,
  });
  return await answer.text();
}

function valuesOf(xml: string, element: string): string[] {
  return [...xml.matchAll(new RegExp(`<${element}>([^<]+)`, 'g'))].flatMap(([, value]) =>
    value ? [value] : [],
  );
}
