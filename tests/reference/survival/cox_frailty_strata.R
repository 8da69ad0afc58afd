# Shared gamma frailty with strata and late entry by R, on the rows of cox_frailty.R.
# Run: Rscript cox_frailty_strata.R > cox_frailty_strata.json
library(survival); options(digits=12)
set.seed(7); g<-rep(1:40,each=4); z<-rgamma(40,2,2)[g]; x1<-rnorm(160); x2<-rbinom(160,1,.5)
t<-ceiling(rexp(160,.08*z*exp(.6*x1-.4*x2))); c<-sample(5:25,160,TRUE); d<-as.numeric(t<=c); t<-pmin(t,c)
dd<-data.frame(g,x1,x2,t,d,s=rep(c(1,2,3,1,2),32),e=pmax(0,pmin(t-1,rep(c(0,0,2,4),40))))
cat('{"source":"R 4.2.2, survival 3.5-3","fits":[')
out<-c()
for(ties in c("efron","breslow")) for(late in c(FALSE,TRUE)) for(th in c(.5,2)){
 form<-if(late) Surv(e,t,d)~x1+x2+strata(s)+frailty(g,theta=th,sparse=TRUE) else Surv(t,d)~x1+x2+strata(s)+frailty(g,theta=th,sparse=TRUE)
 f<-coxph(form,dd,ties=ties,control=coxph.control(eps=1e-12,toler.chol=1e-14,iter.max=100))
 h<-f$history[[1]]
 out<-c(out,sprintf('{"ties":"%s","late":%s,"given":%s,"coef":[%s],"std_error":[%s],"log_likelihood":%.12g}',ties,if(late)"true" else "false",th,paste(formatC(f$coefficients,digits=12,format="g"),collapse=","),paste(formatC(sqrt(diag(f$var)),digits=12,format="g"),collapse=","),h$c.loglik))
}
cat(paste(out,collapse=",\n"),"]}\n")
