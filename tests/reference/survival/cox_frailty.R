# Shared gamma frailty by R: simulated rows, two fixed variances and the free one. Run: Rscript cox_frailty.R > cox_frailty.json
library(survival); options(digits=12)
set.seed(7); g<-rep(1:40,each=4); z<-rgamma(40,2,2)[g]; x1<-rnorm(160); x2<-rbinom(160,1,.5)
t<-ceiling(rexp(160,.08*z*exp(.6*x1-.4*x2))); c<-sample(5:25,160,TRUE); d<-as.numeric(t<=c); t<-pmin(t,c)
dd<-data.frame(g,x1,x2,t,d)
cat('{"data":{',paste(sapply(names(dd),function(n) sprintf('"%s":[%s]',n,paste(formatC(dd[[n]],digits=15,format="g",width=1),collapse=","))),collapse=",\n"),'},\n"source":"R 4.2.2, survival 3.5-3","fits":[')
out<-c()
for(ties in c("efron","breslow")) for(th in c(.5,2,NA)){
 f<-if(is.na(th)) coxph(Surv(t,d)~x1+x2+frailty(g,eps=1e-11,method="em",sparse=TRUE),dd,ties=ties,control=coxph.control(eps=1e-12,toler.chol=1e-14,iter.max=100,outer.max=100)) else coxph(Surv(t,d)~x1+x2+frailty(g,theta=th,sparse=TRUE),dd,ties=ties,control=coxph.control(eps=1e-12,toler.chol=1e-14,iter.max=100))
 h<-f$history[[1]]
 out<-c(out,sprintf('{"ties":"%s","given":%s,"theta":%.12g,"coef":[%s],"std_error":[%s],"log_likelihood":%.12g}',ties,if(is.na(th))"null" else th,if(is.na(th)) h$theta else th,paste(formatC(f$coefficients,digits=12,format="g"),collapse=","),paste(formatC(sqrt(diag(f$var)),digits=12,format="g"),collapse=","),if(is.null(h$c.loglik)) NaN else h$c.loglik))
}
cat(paste(out,collapse=",\n"),"]}\n")
