import { spawn } from "node:child_process";
import { once } from "node:events";
import { sendLoad } from "./load.ts";
const [,, list="bare,pass-through", method="GET", rounds="6", n="6000"] = process.argv;
const f=["host: pi.example.com","user-agent: bench/1.0","accept: */*","accept-language: en","traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"];
const form="user=cornelius&realm=realm1&pass=childpin755224&nonce=12345678&note=".padEnd(200,"x");
const reqs:any={GET:["GET /validate/check?user=cornelius&realm=realm1&pass=childpin755224 HTTP/1.1",...f].join("\r\n")+"\r\n\r\n",POST:["POST /validate/check HTTP/1.1",...f,"content-type: application/x-www-form-urlencoded","content-length: "+form.length].join("\r\n")+"\r\n\r\n"+form};
const dir=new URL("programs/",import.meta.url).pathname;
const up=spawn("taskset",["-c","0",process.execPath,dir+"federation-server.js"],{stdio:["ignore","inherit","ignore","ipc"]});
const [p]=await once(up,"message");
const ps:any={};
for(const v of list.split(",")){const fw=spawn("taskset",["-c","1",process.execPath,dir+"federation-forwarder.js",v,`http://127.0.0.1:${p}`],{stdio:["ignore","inherit","ignore","ipc"]});const [fp]=await once(fw,"message");ps[v]={fw,fp,best:1e9};await sendLoad(fp as number,reqs[method],64,8000);}
for(let r=0;r<Number(rounds);r++) for(const v of Object.keys(ps)){const {fw,fp}=ps[v];fw.send("u");const [a]:any=await once(fw,"message");await sendLoad(fp,reqs[method],64,Number(n));fw.send("u");const [b]:any=await once(fw,"message");ps[v].best=Math.min(ps[v].best,(b.cpu-a.cpu)/Number(n));}
console.log(method,Object.entries(ps).map(([v,x]:any)=>`${v} ${x.best.toFixed(1)}`).join("  "));
for(const x of Object.values(ps) as any[]) x.fw.disconnect(); up.disconnect();
